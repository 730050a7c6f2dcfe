# SPDX-License-Identifier: Apache-2.0
# The status shows each wheel that runs: what it is, where, since when, until
# when, how fast, and whether its thread is alive; and how many workers that
# leaves.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelFaults qw(restarted turn);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await child_pids thread_ids wait_until);

plan tests => 22 + 8, need_module 'wheel';

my $server = WheelServer->started(processes => 4, threads => 8, spare => 8,
    config => "WheelMax 7\nWheelReserve 2\nWheelMaxPerClient 6\n");
my $began  = time;

sub by_id { map { $_->{id} => $_ } $server->running }

my @wheels = map { $server->begin(GET => $_) }
    '/rotate', '/rotate/red', '/rotate/red?wait=500';
ok $server->wait_rotating(3), 'three wheels rotate';
ok wait_until {
    !grep { !($_->{thread} && $_->{turns} && defined $_->{looked_ms}) }
        $server->running
}, 'and soon all have a thread, have turned and looked at their mark';
my ($status, @running);
# A moment may pass between the two clocks.
my $agrees = wait_until {
    $status  = $server->status;
    @running = @{ $status->{running} };
    !grep { abs($status->{time} - $_->{started} - $_->{elapsed}) > 0.5 }
        @running;
};
is_deeply [map { $_->{id} } @running],
    [sort { $a <=> $b } map { $_->{id} } @running], 'they stand there by id';
is_deeply [sort map { $_->{name} // 'none' } @running], [qw(none red red)],
    'with their names';
is_deeply [sort map { $_->{deadline} // 'none' } @running],
    ['500', 'none', 'none'], 'and deadlines';
is grep({ $_->{client} ne '127.0.0.1' } @running), 0, 'and client addresses';
my %child = map { $_ => 1 } child_pids($server->pid);
is grep({ !$child{ $_->{pid} } } @running), 0,
    'their processes are children of the server';
is grep({ my $job = $_; !grep { $_ == $job->{thread} } thread_ids($job->{pid}) }
    @running), 0, 'their threads are threads of those';
is grep({ $_->{generation} != 0 } @running), 0,
    'of the generation that is the first';
is grep({ $_->{state} ne 'rotating' } @running), 0, 'all of them rotating';
is grep({ $_->{started} < $began - 1 || $_->{started} > time + 1 } @running),
    0, 'since this test has asked for them';
ok $agrees, 'which is also what elapsed says';
is grep({ $_->{number} !~ /\A[0-9]\z/ } @running), 0,
    'with a number from 0 to 9';
is grep({
    abs($_->{turns_per_second} * $_->{elapsed} / $_->{turns} - 1) > 0.01
} @running), 0, 'and turns through seconds are turns a second';
is grep({ $_->{looked_ms} > 20_000 } @running), 0,
    'and have looked at their mark of late';

my %before = map { $_->{id} => $_ } @running;
ok wait_until {
    !grep { $_->{turns} <= $before{ $_->{id} }{turns} } $server->running
}, 'turns grow';
my %after = by_id();
is grep({ $after{$_}{elapsed} <= $before{$_}{elapsed} } keys %before), 0,
    'and so does elapsed';
is_deeply $status->{jobs},
    { rotating => 3, stopping => 0, draining => 0, stuck => 0 },
    'three are counted as rotating';
is_deeply [@{ $status->{limits} }{qw(wheel_max wheel_reserve
    wheel_max_per_client workers_max)}], [7, 2, 6, 32],
    'beside the limits that the configuration sets';
cmp_ok $status->{limits}{table_slots}, '>=', 7, 'and room in the table';
my $workers;
ok wait_until {
    $workers = $server->status->{workers};
    $workers->{idle} == 28 && $workers->{busy} == 4 && $workers->{reserved} == 2
}, 'of 32 workers 3 wheels and this question keep 4 busy'
    or diag explain $workers;
is $status->{server}{mpm}, $server->{mpm}, 'of the MPM that the status names';

# Wheels of an older generation stay in sight.
restarted($server, 'USR1');
is $server->status->{server}{generation}, 1,
    'after a graceful restart the server is of the next generation';
my ($new) = turn($server, 1, 'new');
ok $server->wait_rotating(4), 'and wheels of both rotate';
my %generation;
push @{ $generation{ $_->{generation} } }, $_->{name} // 'none'
    for $server->running;
is_deeply [sort @{ $generation{0} // [] }], [qw(none red red)],
    'the old ones are of the first';
is_deeply $generation{1}, ['new'], 'the new one is of the second';
$server->get('/stop');
is await(@wheels, $new), 4, 'one stop ends them all';
ok wait_until { !$server->running }, 'and the list is empty';
my $totals = $server->status->{totals};
is $totals->{started}, 4, 'the totals have gone on counting';
is $totals->{ended}{stop}, 4, 'over the restart';
