# SPDX-License-Identifier: Apache-2.0
# Two wheels turn on two cores at the same time: between them they use more CPU
# seconds than one wheel can, in the same time.
#
# Runs alone: it measures what share of the cores two threads get.

use strict;
use warnings FATAL => 'all';

use List::Util qw(max sum);
use Time::HiRes qw(sleep time);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect core_count thread_seconds wait_until);

plan tests => 5, need 'wheel',
    { 'this machine has one core' => sub { core_count() > 1 } };

# Other programs may want the cores, too, so these wheels compete with them,
# and the best of many short looks counts: a wheel alone can't use more than
# one core in any of them, and wheels that take turns can't, either.
my $server = WheelServer->started(config => "WheelScheduling normal\n");
my @wheels = $server->rotate(1);
my $one    = cores_used(0.8);
cmp_ok $one, '<', 1.2, 'a wheel alone uses one core at most';

push @wheels, $server->rotate(1);
my $two = cores_used(1.2 * $one);
cmp_ok $two / ($one || 1), '>', 1.2,
    'two wheels use more CPU seconds than one core has in the time';
is grep({ $_->{turns} > 0 } $server->rotating), 2, 'each of them turns';

is $server->get('/stop')->header('Wheel-Stopped'), 2, 'one stop ends both';
is collect(20, @wheels), 2, 'both have their number';
note sprintf 'one wheel: %.2f cores, two: %.2f', $one, $two;

# CPU seconds a second that the wheels use, the most of so many looks: short
# ones, in which both may have a core although others want it.
sub cores_used {
    my ($enough) = @_;
    my @threads = map { [@{$_}{qw(pid thread)}] } $server->rotating;
    my $most    = 0;
    wait_until {
        for (1 .. 50) {
            my $began = time;
            my $used  = sum map { thread_seconds(@$_) } @threads;
            sleep 0.002;
            $used = sum(map { thread_seconds(@$_) } @threads) - $used;
            $most = max $most, $used / (time - $began);
        }
        return $most > $enough;
    } 60;
    return $most;
}
