# SPDX-License-Identifier: Apache-2.0
# WheelTimeout ends every wheel of its Location; a request can only ask for
# less.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await);

# target, Prefer, seconds after which it ends, what is applied
my @table = (
    ['/short',            undef,      1,   undef],
    ['/short/red',        undef,      1,   undef],
    ['/short?wait=60',    undef,      1,   undef],
    ['/short?wait=0.3',   undef,      0.3, undef],
    ['/short?wait=0',     undef,      0,   undef],
    ['/short',            'wait=60',  1,   undef],
    ['/short',            'wait=0',   0,   'wait=0'],
    ['/short',            'wait=1',   1,   'wait=1'],
    ['/milli',            undef,      0.2, undef],
    ['/none?wait=0.2',    undef,      0.2, undef],
);
plan tests => 4 * @table + 2, need_module 'wheel';

my $server = WheelServer->started(
    processes => 1, threads => 24, config => <<'END');
<Location /short>
    SetHandler wheel-rotate
    WheelTimeout 1
</Location>
<Location /milli>
    SetHandler wheel-rotate
    WheelTimeout 200ms
</Location>
<Location /none>
    SetHandler wheel-rotate
    WheelTimeout 0
</Location>
END

my @wheels = map {
    $server->begin(GET => $_->[0],
        $_->[1] ? (headers => [Prefer => $_->[1]]) : ())
} @table;
my $endless = $server->begin(GET => '/none');
await(@wheels);
for my $n (0 .. $#table) {
    my ($target, $prefer, $seconds, $applied) = @{ $table[$n] };
    my $asked = $target . ($prefer ? " with Prefer: $prefer" : '');
    my $wheel = $wheels[$n];
    is $wheel->header('Wheel-Stopped-By'), 'deadline', "$asked ends by itself";
    cmp_ok $wheel->header('Wheel-Elapsed'), '>=', $seconds,
        "$asked: not before $seconds s";
    cmp_ok $wheel->header('Wheel-Elapsed'), '<', $seconds + 15,
        "$asked: nor long after";
    is $wheel->header('Preference-Applied'), $applied,
        "$asked: says which preference it kept";
}
ok !$endless->done, 'WheelTimeout 0 sets no deadline';
$server->get('/stop');
await($endless);
is $endless->header('Wheel-Stopped-By'), 'stop', 'such a wheel ends by a stop';
