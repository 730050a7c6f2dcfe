# SPDX-License-Identifier: Apache-2.0
# event stops accepting connections in a process when all its workers are busy,
# and may miss that one of them has become idle.  Where wheels hold the others,
# their workers make it accept again.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

# Clients that ask all the time, each for one answer after the other.  Without
# the wheels they would wait for as long as these turn.
use constant { CLIENTS => 8, ROUNDS => 300, THREADS => 4 };

plan WheelServer::mpm() eq 'event' ? (tests => 2, need_module 'wheel')
    : (skip_all => 'only event stops accepting');

my $server = WheelServer->started(processes => 1, threads => THREADS);
my @wheels;
wait_until {
    push @wheels, $server->begin(GET => '/rotate')
        if $server->rotating < THREADS - 1;
    wait_until { collect(0, @wheels) + $server->rotating >= @wheels };
    @wheels = grep { !$_->done } @wheels;
    @wheels == THREADS - 1;
};
is $server->rotating, THREADS - 1, 'wheels hold all workers but one';

my ($slowest, $lost) = (0, 0);
for (1 .. ROUNDS) {
    my $begin = time;
    my @asked = map { $server->begin(GET => '/stop/nobody') } 1 .. CLIENTS;
    $lost += @asked - await(@asked);
    my $took = time - $begin;
    $slowest = $took if $took > $slowest;
    last if $lost;
}
note sprintf 'the slowest of %d rounds took %.2f s', ROUNDS, $slowest;
is $lost, 0, 'the last one answers everybody';
