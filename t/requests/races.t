# SPDX-License-Identifier: Apache-2.0
# Stops that race with the ends of short requests, over kept connections: each
# stopped request is told so, and no other is hit.
#
# STOPS=10000 for more of them.

use strict;
use warnings FATAL => 'all';

use POSIX ();
use Time::HiRes qw(time);
use WheelClient ();
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await read_answers wait_until);

plan tests => 7, need_module 'wheel';

my $stops  = $ENV{STOPS} // 1500;
my $server = WheelServer->started(processes => 2, threads => 4, config => <<"END");
@{[user_modules('test_busy')]}
WheelRequests on
KeepAlive On
MaxKeepAliveRequests 0
<Location "/brief">
    SetHandler test-busy
</Location>
<Location "/busy">
    SetHandler test-busy
</Location>
END

# Two that stop, each in a process of its own.
my @stoppers = map { stopper($_) } 1 .. 2;
my (%brief, %neighbour, $n);
my ($brief, $neighbour) = (kept(), kept());
my $end = time + 200;
while (time < $end && grep { !waitpid $_, POSIX::WNOHANG() } @stoppers) {
    my $answer = ask($brief, '/brief?write=' . ($n++ % 4 ? 0 : 0.001));
    $brief{ outcome($answer) }++;
    $brief = kept() if !$answer || $answer->{closing} || $answer->{eof};
    my $other = ask($neighbour, '/');
    $neighbour{ outcome($other) }++;
    $neighbour = kept() if !$other || $other->{closing} || $other->{eof};
}
my @odd = grep { !/\A(?:200 whole|200 cut|none cut|503 told)\z/ } keys %brief;
is "@odd", '', 'a short request is whole, or cut, or told that it was stopped';
cmp_ok(grep({ $brief{$_} } "503 told", "200 cut", "none cut"), '>', 0,
    'some were hit');
cmp_ok $brief{'200 whole'} // 0, '>', 0, 'and some were faster';
is join(' ', sort keys %neighbour), '200 whole',
    'no other request was hit, on a kept connection beside it';
my ($stop) = $server->get('/wheel-status?json')->json->{requests};
is_deeply $stop, [], 'nothing is left';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'no child has died';
my $right = grep { ($server->get('/')->body // '') eq "hello\n" } 1 .. 100;
is $right, 100, 'the next requests are right';

sub kept { return WheelClient->new($server->port) }

sub ask {
    my ($client, $target) = @_;
    my $answer = $client->ask(GET => $target);
    await($answer);
    return $answer;
}

sub outcome {
    my ($answer) = @_;
    my $status = $answer->{status} // 'none';
    return "$status told" if ($answer->body // '') =~ /was stopped/;
    return "$status whole" if defined $answer->body;
    return "$status cut";
}

sub stopper {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    my $client = kept();
    for (1 .. $stops / 2) {
        my $answer = ask($client, '/stop?path=/brief');
        $client = kept() if $answer->{closing} || $answer->{eof};
    }
    POSIX::_exit(0);
}
