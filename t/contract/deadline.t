# SPDX-License-Identifier: Apache-2.0
# A wheel that was given so many seconds ends by itself after them.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await collect);

my %wait = ('0' => 0, '0.3' => 0.3, '0.25' => 0.25, '1' => 1, '00.5' => 0.5,
    '0.400000' => 0.4, '1.' . '0' x 6 => 1);
plan tests => 4 * keys(%wait) + 7, need_module 'wheel';

my $server = WheelTest->shared;

my %wheel = map { $_ => $server->begin(GET => "/rotate?wait=$_") } keys %wait;
await(values %wheel);
for my $wait (sort keys %wait) {
    my $wheel = $wheel{$wait};
    is $wheel->status, 200, "a wheel with wait=$wait gets its number";
    is $wheel->header('Wheel-Stopped-By'), 'deadline',
        "wait=$wait: its deadline has ended it";
    cmp_ok $wheel->header('Wheel-Elapsed'), '>=', $wait{$wait},
        "wait=$wait: not before its time";
    cmp_ok $wheel->header('Wheel-Elapsed'), '<', $wait{$wait} + 15,
        "wait=$wait: nor long after";
}

my ($patient) = $server->rotate(1, '/rotate/patient?wait=31536000');
my ($status)  = $server->rotating;
is $status->{deadline}, 31_536_000, 'the longest deadline is a year';
ok !collect(0.3, $patient), 'it rotates';
$server->get('/stop/patient');
await($patient);
is $patient->header('Wheel-Stopped-By'), 'stop', 'a stop comes first';

# The deadline of one is not another's.
my ($long) = $server->rotate(1, '/rotate/two');
my $short  = $server->get('/rotate/two?wait=0.2');
is $short->header('Wheel-Stopped-By'), 'deadline',
    'of two wheels of one name, the one with a deadline ends';
is $server->rotating, 1, 'the other rotates on';
is $server->get('/stop/two')->header('Wheel-Stopped'), 1,
    'and is the only one left to stop';
await($long);
is $long->header('Wheel-Stopped-By'), 'stop', 'which a stop does';
