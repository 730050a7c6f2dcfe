# SPDX-License-Identifier: Apache-2.0
# The child with the most wheels is killed, five times in a row: each time a
# stop is answered, and new wheels turn.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by kill_hard wheels_by_pid);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

my ($kills, $wanted) = (5, 6);
plan tests => 5, need_module 'wheel';

my $server = WheelServer->started(processes => 3, threads => 8);

# Start wheels until enough of them turn, however few workers there are yet.
sub fill {
    my @wheels;
    wait_until {
        push @wheels, $server->begin(GET => '/rotate')
            for 1 .. $wanted - $server->rotating;
        wait_until { $server->rotating + collect(0, @wheels) >= @wheels };
        @wheels = grep { !$_->done } @wheels;
        $server->rotating >= $wanted;
    };
    return @wheels;
}

my ($filled, $answered, $slowest, $lost, $stopped) = (0, 0, 0, 0, 0);
for (1 .. $kills) {
    my @wheels = fill();
    $filled++ if @wheels >= $wanted;
    my $by_pid = wheels_by_pid($server);
    my ($busiest)
        = sort { @{ $by_pid->{$b} } <=> @{ $by_pid->{$a} } } keys %$by_pid;
    my $doomed = @{ $by_pid->{$busiest} };
    kill_hard($busiest);

    my $stop = $server->get('/stop');
    if (($stop->status // 0) == 200) {
        $answered++;
        $slowest = $stop->seconds if $stop->seconds > $slowest;
    }
    my $by = answers_by(@wheels);
    my $all_lost = ($by->{none} // 0) == $doomed;
    diag sprintf 'the stop: %s; %d of %d wheels were in the killed child: %s',
        $stop->status // 'no answer', $doomed, scalar @wheels,
        join ', ', map {"$_ $by->{$_}"} sort keys %$by
        if ($stop->status // 0) != 200 || !$all_lost;
    $lost++    if $all_lost;
    $stopped++ if ($by->{stop} // 0) == @wheels - $doomed;
}
diag sprintf 'the slowest stop was answered in %.0f ms', $slowest * 1000;
is $filled, $kills, "wheels were started $kills times";
is $answered, $kills, 'a stop was answered after each kill';
is $lost, $kills, 'the wheels of the killed child had no answer';
is $stopped, $kills, 'all the others had theirs' or diag $server->error_log;
ok wait_until { !$server->running }, 'no slot is left in use';
