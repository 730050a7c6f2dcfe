# SPDX-License-Identifier: Apache-2.0
# A stop with an id ends that wheel and no other, and an id is never used again.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await collect);

plan tests => 12, need_module 'wheel';

my $server  = WheelTest->shared;
my @wheels  = $server->rotate(4, '/rotate/twin');
my ($first) = my @ids = sort { $a <=> $b } map { $_->{id} } $server->rotating;
is @ids, 4, 'four wheels of one name have four ids';

my $stop = $server->get("/stop?id=$ids[1]");
is $stop->status, 200, 'a stop by id is answered';
is $stop->header('Wheel-Stopped'), 1, 'it has stopped one wheel';
is_deeply [sort { $a <=> $b } map { $_->{id} } $server->rotating],
    [@ids[0, 2, 3]], 'the other three still rotate';
collect(0.1, @wheels) until grep { $_->done } @wheels;
my ($ended) = grep { $_->done } @wheels;
is $ended->header('Wheel-Id'), $ids[1], 'the one that ended is the one named';

is $server->get("/stop?id=$ids[1]")->status, 404,
    'stopping it once more finds nothing';
is $server->get("/stop?id=@{[$ids[3] + 1000]}")->status, 404,
    'an id that no wheel has had finds nothing';
is $server->rotating, 3, 'both have ended no other wheel';

my ($next) = $server->rotate(1);
my ($newest) = sort { $b <=> $a } map { $_->{id} } $server->rotating;
cmp_ok $newest, '>', $ids[3], 'a later wheel has a greater id';
is $server->get("/stop?id=$ids[1]")->status, 404,
    'a late stop of an old id leaves the newcomer alone';
is $server->get("/stop?id=$newest")->header('Wheel-Stopped'), 1,
    'its own id stops it';

$server->get('/stop');
is await(@wheels, $next), 5, 'every wheel has been answered';
