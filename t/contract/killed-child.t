# SPDX-License-Identifier: Apache-2.0
# A child that is killed takes its own wheels along and nothing else: its slots
# come back, its wheels are remembered as died, all others turn on.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by kill_hard wheels_by_pid);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 11, need_module 'wheel';

# A process without an idle thread refuses, another has room.
my $server = WheelServer->started(processes => 4, threads => 4);
my %wheel;
for (1 .. 200) {
    my $wheel = $server->begin(GET => '/rotate');
    wait_until { collect(0, $wheel) || $server->rotating > keys %wheel };
    next if $wheel->done;
    my ($newest) = sort { $b->{id} <=> $a->{id} } $server->rotating;
    $wheel{ $newest->{id} } = { %$newest, answer => $wheel };
    last if keys %{ wheels_by_pid($server) } == 4;
}
my $by_pid = wheels_by_pid($server);
my @pids   = sort { @{ $by_pid->{$b} } <=> @{ $by_pid->{$a} } } keys %$by_pid;
is @pids, 4, 'wheels turn in four processes';

sub answers_of {
    return map { $wheel{$_}{answer} }
        map { map { $_->{id} } @{ $by_pid->{$_} } } @_;
}

# Kill some, and wait until none of their wheels is listed.
sub slots_back {
    my (@victims) = @_;
    my %victim = map { $_ => 1 } @victims;
    kill_hard(@victims);
    return wait_until { !grep { $victim{ $_->{pid} } } $server->running };
}

ok slots_back($pids[0]), 'the slots of a killed child come back';
is answers_by(answers_of($pids[0]))->{none}, @{ $by_pid->{ $pids[0] } },
    'its clients get no answer';
my %left = map { $_->{id} => $_ } $server->rotating;
is_deeply [sort keys %left],
    [sort map { $_->{id} } map { @{ $by_pid->{$_} } } @pids[1 .. 3]],
    'the wheels of all others are listed';
ok wait_until {
    my %turns = map { $_->{id} => $_->{turns} } $server->rotating;
    !grep { ($turns{$_} // 0) <= $left{$_}{turns} } keys %left;
}, 'and turn';

ok slots_back(@pids[1, 2]),
    'so do those of two that are killed at once';
my %died = map { $_->{id} => 1 }
    grep { $_->{stopped_by} eq 'died' } @{ $server->status->{recent} };
is_deeply [sort keys %died],
    [sort map { $_->{id} } map { @{ $by_pid->{$_} } } @pids[0 .. 2]],
    'all that were lost are remembered as died, and no other';
my $totals = $server->status->{totals};
is $totals->{ended}{died}, keys %died, 'and counted';
is $totals->{started}, keys %wheel, 'as having started once';

my $stop = $server->get('/stop');
is $stop->header('Wheel-Stopped'), @{ $by_pid->{ $pids[3] } },
    'a stop finds the rest';
is answers_by(answers_of($pids[3]))->{none}, undef,
    'which is answered in full';
