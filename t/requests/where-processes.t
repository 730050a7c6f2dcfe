# SPDX-License-Identifier: Apache-2.0
# wheelctl where shows each process that works for a CGI request: its command,
# what it waits for, its CPU time and its stack.
#
# Starts first: each of its many stacks takes a moment to read.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelPlan;
use WheelRequests qw(cgi_config listed stop_listed);
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 13, need_module 'wheel',
    { 'root alone may trace a child' => sub { $> == 0 } };

my $server = WheelServer->started(config => '');
$server->configure(config => cgi_config($server,
    wait => "sleep 1000\necho never\n", tree => <<'END')
sh -c 'while :; do :; done' &
sleep 1000 &
wait
END
    . control_config() . "WheelRequests on slow=50ms\n");
$server->stop;
$server->start or die $server->error_log;

my $answer = $server->begin(GET => '/cgi/tree');
my $row    = listed($server, '/cgi/tree');
my %process;
ok wait_until {
    my (undef, $where) = wheelctl_json($server, 'where', "--id=$row->{id}");
    %process = map { place($_) => $_ } @{ $where->{processes} };
    $process{sleep} && $process{loop} && $process{script}
}, 'the script and both that it has started are shown';
is $process{$_}{parent}, $process{script}{pid}, "the script has started $_"
    for qw(sleep loop);
like $process{sleep}{waits_for}, qr/sleep|nanosleep/, 'one sleeps';
is $process{sleep}{state}, 'S', 'and is in that state';
cmp_ok $process{sleep}{cores}, '<', 0.5, 'on no CPU time';
ok wait_until {
    my (undef, $where) = wheelctl_json($server, 'where', "--id=$row->{id}");
    grep { place($_) eq 'loop' && $_->{cores} > 0 } @{ $where->{processes} };
}, 'the other uses some';
ok scalar(grep {/nanosleep/} @{ $process{sleep}{stack} }),
    'each has its stack';
isnt $process{script}{stack}[0], $process{loop}{stack}[0], 'of its own';
my (undef, $out) = wheelctl($server, 'where', "--id=$row->{id}");
like $out, qr/^works for it: process \d+ of $process{script}{pid}: sleep$/m,
    'so it is printed';
like $out, qr/^  waits for: /m, 'with what each waits for';
stop_listed($server, '/cgi/tree', $answer);
is $answer->status, 503, 'the request can be stopped as ever';

# A process is held for a moment to read its stack, and then has to wait for the
# CPU: not what it does by itself.
my $waiting = $server->begin(GET => '/cgi/wait');
my $other   = listed($server, '/cgi/wait');
my @states  = map {
    my (undef, $where) = wheelctl_json($server, 'where', "--id=$other->{id}");
    map { $_->{state} }
        grep { $_->{command} eq 'wait' } @{ $where->{processes} };
} 1 .. 25;
cmp_ok scalar(grep { $_ ne 'S' } @states), '<', 3,
    'a process that waits is shown to wait';
stop_listed($server, '/cgi/wait', $waiting);

# Which of the three a process is.
sub place {
    my ($process) = @_;
    return $process->{command} if $process->{command} ne 'sh'
        && $process->{command} ne 'tree';
    return $process->{command} eq 'tree' ? 'script' : 'loop';
}
