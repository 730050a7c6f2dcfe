# SPDX-License-Identifier: Apache-2.0
# As many wheels rotate as WheelMax allows; the next is refused with 503 and may
# come again once one has ended.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await);

plan tests => 13, need_module 'wheel';

my $server = WheelServer->started(
    processes => 2, threads => 8, config => "WheelMax 3\n"
);

my @wheels  = $server->rotate(3);
my $refused = $server->get('/rotate');
is $refused->status, 503, 'a fourth wheel is refused';
is $refused->header('Content-Type'), 'application/problem+json',
    'by a problem';
like $refused->json->{detail}, qr/WheelMax/, 'that names WheelMax';
like $refused->header('Retry-After'), qr/\A[1-9]\d*\z/,
    'and says when to come again';
is $refused->header('Cache-Control'), 'no-store', 'and is not to be stored';
is $refused->header('Wheel-Id'), undef, 'it has no id';
is $server->get('/rotate/red?json')->status, 503, 'so is one with a name';
is $server->rotating, 3, 'the three others rotate on';

my ($one) = $server->rotating;
$server->get("/stop?id=$one->{id}&wait=10");
my ($next) = $server->rotate(1);
ok !$next->done, 'once one has ended, the next may rotate';
is $server->get('/rotate')->status, 503, 'and the one after is refused';

is $server->get('/stop')->header('Wheel-Stopped'), 3, 'a stop ends all three';
is await(@wheels, $next), 4, 'each of which has its number';
is $server->status->{totals}{refused}{max}, 3, 'three refusals are counted';
