# SPDX-License-Identifier: Apache-2.0
# Prefer: wait=N (RFC 7240) is a deadline like ?wait=N, and the answer says
# that it was applied.
#
# Under one MPM: it has no part in how a header is read.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await);

# Prefer headers and what is applied.
my @applied = (
    [['wait=0'],                        'wait=0'],
    [['wait=1'],                        'wait=1'],
    [['WAIT=0'],                        'wait=0'],
    [['wait="0"'],                      'wait=0'],
    [['wait = 0'],                      'wait=0'],
    [['respond-async, wait=0'],         'wait=0'],
    [['wait=0; foo=bar, handling=lenient'], 'wait=0'],
    [['respond-async', 'wait=0'],       'wait=0'],
    [['foo; wait=3, wait=0, wait=1'],   'wait=0'],
    [['foo="a, wait=1, \"b", wait=0'],  'wait=0'],
);

# Preferences that mean nothing are as if not there (RFC 7240, 2).
my @ignored = (
    'wait', 'wait=', 'wait=-1', 'wait=soon', 'wait=1.5', 'wait=0x1',
    'awaits=0', 'wait=99999999999999999999', 'wait="0', 'respond-async', ',',
    'foo="a, wait=0, b"',
);
plan tests => 3 * @applied + 3 + 5, need_module 'wheel';

my $server = WheelTest->shared;

for my $row (@applied) {
    my ($prefer, $applied) = @$row;
    my $asked  = join ' and ', map {"Prefer: $_"} @$prefer;
    my $answer = $server->get('/rotate',
        headers => [map { (Prefer => $_) } @$prefer]);
    is $answer->header('Wheel-Stopped-By'), 'deadline',
        "$asked ends the wheel";
    is $answer->header('Preference-Applied'), $applied,
        "$asked is answered with $applied";
    my ($seconds) = $applied =~ /(\d+)/;
    cmp_ok $answer->header('Wheel-Elapsed'), '>=', $seconds,
        "$asked: not before its time";
}

my @wheels
    = map { $server->begin(GET => '/rotate', headers => [Prefer => $_]) }
    @ignored;
ok $server->wait_rotating(scalar @ignored),
    'wheels whose preference is broken rotate like any other';
$server->get('/stop');
is await(@wheels), @ignored, 'until they are stopped';
is grep({ defined $_->header('Preference-Applied') } @wheels), 0,
    'and no preference was applied to them';

my $both = $server->get('/rotate?wait=0', headers => [Prefer => 'wait=600']);
is $both->header('Wheel-Stopped-By'), 'deadline',
    'the wait of the address goes before the preferred one';
is $both->header('Preference-Applied'), undef, 'which then was not applied';

my ($prefers)
    = $server->begin(GET => '/rotate', headers => [Prefer => 'wait=600']);
$server->wait_rotating(1);
is +($server->rotating)[0]{deadline}, 600, 'a preferred wait is a deadline';
$server->get('/stop');
await($prefers);
is $prefers->header('Wheel-Stopped-By'), 'stop', 'a stop comes before it';
is $prefers->header('Preference-Applied'), 'wait=600',
    'the preference was applied all the same';
