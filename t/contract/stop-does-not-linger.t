# SPDX-License-Identifier: Apache-2.0
# A stop ends what rotated before it and nothing that starts after it, even
# with nothing to stop.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await collect);

my $rounds = 20;
plan tests => 7 + 3, need_module 'wheel';

my $server = WheelTest->shared;

my $idle = $server->get('/stop');
is $idle->status, 200, 'a stop with nothing rotating is answered';
is $idle->header('Wheel-Stopped'), 0, 'it counts none';
like $idle->body, qr/\A"Wheel running job stopped\./, 'in the same words';
is $server->get('/stop/nobody')->status, 404,
    'a name that nothing has is not found';
is $server->get('/stop?id=1')->status, 404,
    'nor is an id that nothing has';
my ($wheel) = $server->rotate(1);
ok !collect(0.3, $wheel), 'a wheel that starts then is stopped by none of them';
is $server->get('/stop')->header('Wheel-Stopped'), 1, 'but by the next stop';
await($wheel);

my ($stopped, $early, $answered) = (0, 0, 0);
for (1 .. $rounds) {
    $server->get('/stop') for 1 .. 2;
    my @wheels = $server->rotate(3);
    $early    += collect(0, @wheels);
    $stopped  += $server->get('/stop')->header('Wheel-Stopped');
    $answered += await(@wheels);
}
is $early, 0, "in $rounds rounds, no wheel has fallen to the stop before it";
is $stopped, 3 * $rounds, 'every one was there to be stopped by the next';
is $answered, 3 * $rounds, 'and has ended';
