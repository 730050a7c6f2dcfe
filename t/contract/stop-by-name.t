# SPDX-License-Identifier: Apache-2.0
# A stop with a name ends all wheels of that name and no other.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await);

plan tests => 12, need_module 'wheel';

my $server = WheelTest->shared;
my %wheels = map { $_->[0] => [$server->rotate($_->[1], "/rotate$_->[0]")] } (
    ['/red', 3], ['/blue', 2], ['/RED', 1], ['/redder', 1], ['/re', 1], ['', 2]
);

my $stop = $server->get('/stop/red');
is $stop->status, 200, 'a stop of the red wheels is answered';
is $stop->header('Wheel-Stopped'), 3, 'it has stopped three';
is await(@{ $wheels{'/red'} }), 3, 'all red wheels have ended';
is $server->rotating, 7, 'all others still rotate';
is grep({ $_->{name} && $_->{name} eq 'red' } $server->rotating), 0,
    'none of them is red';

is $server->get('/stop/red')->status, 404, 'there is nothing red to stop now';
is $server->rotating, 7, 'and that stop has ended no other wheel';

is $server->get('/stop/blue')->header('Wheel-Stopped'), 2,
    'a stop of the blue wheels stops two';
is await(@{ $wheels{'/blue'} }), 2, 'both blue wheels have ended';
is $server->rotating, 5, 'all others still rotate';

is $server->get('/stop')->header('Wheel-Stopped'), 5,
    'a stop without a name ends the rest, named or not';
is await(map {@$_} values %wheels), 10, 'every wheel has been answered';
