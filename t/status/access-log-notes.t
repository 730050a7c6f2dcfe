# SPDX-License-Identifier: Apache-2.0
# What is known of a wheel and of a stop stands in the request's notes, for
# CustomLog.
#
# Under one MPM: it has no part in what the log is told.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

my @notes = qw(wheel-id wheel-name wheel-load wheel-turns wheel-elapsed
    wheel-stopped-by wheel-number wheel-stopped wheel-refused);
plan tests => 24, need_module 'wheel';

my $format = join ' ', map {"$_=%{$_}n"} @notes;
my $server = WheelServer->started(config => <<"END");
WheelMax 2
LogFormat "%m %U %>s $format" notes
CustomLog notes.log notes
END

my @wheels  = ($server->rotate(1, '/rotate/red'), $server->rotate(1));
my $refused = $server->get('/rotate/blue');
my $stop    = $server->get('/stop');
await(@wheels);
my $end = $server->get('/rotate?load=5&wait=0');
$server->get('/stop/nobody');
$server->get('/stop?speed=1');
$server->get('/index.html');

my $line = line('/rotate/red', 200);
is $line->{'wheel-id'}, $wheels[0]->header('Wheel-Id'), 'its id is noted';
is $line->{'wheel-name'}, 'red', 'its name is noted';
is $line->{'wheel-load'}, '-', 'that it had no load to keep to, too';
is $line->{'wheel-turns'}, $wheels[0]->header('Wheel-Turns'),
    'its turns are noted';
is $line->{'wheel-elapsed'}, $wheels[0]->header('Wheel-Elapsed'),
    'its seconds are noted';
is $line->{'wheel-stopped-by'}, 'stop', 'what ended it is noted';
my ($number) = $wheels[0]->body =~ /(\d)/;
is $line->{'wheel-number'}, $number, 'its number is noted';
is $line->{'wheel-stopped'}, '-', 'how many were stopped is not';
is $line->{'wheel-refused'}, '-', 'nor why it was refused, as it was not';

$line = line('/rotate', 200, qr/wheel-stopped-by=stop/);
is $line->{'wheel-id'}, $wheels[1]->header('Wheel-Id'),
    'a wheel without a name has an id noted';
is $line->{'wheel-name'}, '-', 'and no name';
$line = line('/rotate', 200, qr/wheel-stopped-by=deadline/);
is $line->{'wheel-id'}, $end->header('Wheel-Id'), 'a deadline is noted';
is $line->{'wheel-load'}, 5, 'and the load that was asked for';

$line = line('/rotate/blue', 503);
is $line->{'wheel-refused'}, 'max', 'why one was refused is noted';
is $line->{'wheel-name'}, 'blue', 'with its name';
is $line->{$_}, '-', "but no $_"
    for qw(wheel-id wheel-turns wheel-elapsed wheel-stopped-by);

$line = line('/stop', 200);
is $line->{'wheel-stopped'}, 2, 'how many a stop has stopped is noted';
is $line->{'wheel-id'}, '-', 'it has no id itself';
for my $target (['/stop/nobody', 404], ['/stop', 400], ['/index.html', 200]) {
    $line = line(@$target);
    is join('', map { $line->{$_} } @notes), '-' x @notes,
        "@$target has no notes";
}

# The notes of a request.  httpd logs once the client has its answer.
sub line {
    my ($path, $status, $more) = @_;
    my ($found) = wait_until {
        my @lines = grep { /^\w+ \Q$path\E $status / && (!$more || /$more/) }
            split /\n/, $server->file_text('notes.log');
        @lines && $lines[0];
    };
    return { ($found // '') =~ /(wheel-[a-z-]+)=(\S*)/g };
}
