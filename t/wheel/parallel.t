# SPDX-License-Identifier: Apache-2.0
# Two wheels turn at the same time, and neither waits for the other: the thread
# of each is always on a core or wants one.  (How many turns that makes on how
# many cores, t/bench/run measures.)
#
# Under one MPM: it has no part in the threads in which wheels turn.

use strict;
use warnings FATAL => 'all';

use List::Util qw(min);
use Time::HiRes qw(sleep time);
use WheelPlan;
use WheelTest qw(await thread_ready_seconds wait_until);

plan tests => 5, need_module 'wheel';

my $server = WheelTest->shared;
my @wheels = $server->rotate(2);
my @threads;
wait_until {
    @threads = map { [@{$_}{qw(pid thread)}] } grep { $_->{thread} }
        $server->rotating;
    @threads == 2;
};
is @threads, 2, 'two wheels turn';

# The kernel adds what a thread has waited when it gives it a core, so the share
# of one short time may be anything; that of a thread which waits for another
# one is a half at best, over any long time.
my @begun = map { [time, thread_ready_seconds(@$_)] } @threads;
my @share;
wait_until {
    sleep 0.3;
    @share = map {
        (thread_ready_seconds(@{ $threads[$_] }) - $begun[$_][1])
            / (time - $begun[$_][0])
    } 0, 1;
    min(@share) > 0.8;
};
note sprintf 'ready for %.2f and %.2f of the time', @share;
cmp_ok min(@share), '>', 0.8, 'each of them is always ready to run';
ok wait_until { 2 == grep { $_->{turns} > 0 } $server->rotating }, 'and turns';
is $server->get('/stop')->header('Wheel-Stopped'), 2, 'one stop ends both';
is await(@wheels), 2, 'both have their number';
