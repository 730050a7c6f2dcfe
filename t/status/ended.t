# SPDX-License-Identifier: Apache-2.0
# The status keeps the last 64 wheels that ended, newest first: the same facts
# that their clients got, and how they ended.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

use constant RING_MAX => 64;

plan tests => 16, need_module 'wheel';

my $server = WheelServer->started(processes => 3, threads => 8);

sub recent { @{ $server->status->{recent} } }

is recent(), 0, 'a new server has no past';

my $late = $server->get('/rotate/late?wait=0.2&json');
my ($first) = recent();
is $first->{stopped_by}, 'deadline', 'a wheel whose time is over is kept';
my $told = $late->json;
is_deeply [@$first{qw(id name turns elapsed number stopped_by)}],
    [@$told{qw(id name turns elapsed number stopped_by)}],
    'with what its client was told';

my ($wheel) = $server->rotate(1, '/rotate/red');
my ($running) = grep { $_->{name} eq 'red' } $server->rotating;
$server->get('/stop');
await($wheel);
my @recent = recent();
is_deeply [map { $_->{name} } @recent], [qw(red late)],
    'a wheel that was stopped comes before it';
is_deeply [@{ $recent[0] }{qw(id client pid generation)}],
    [@$running{qw(id client pid generation)}],
    'as the same that was running';
is $recent[0]{stopped_by}, 'stop', 'ended by a stop';
is $recent[0]{id}, $wheel->header('Wheel-Id'), 'by its id';
is $recent[0]{turns}, $wheel->header('Wheel-Turns'), 'with its turns';
cmp_ok $recent[0]{answered_ms}, '>', 0, 'some time after its mark';
cmp_ok $recent[0]{answered_ms}, '<=', $recent[0]{elapsed} * 1000,
    'that is part of its life';

my ($gone) = $server->rotate(1, '/rotate/gone');
close $gone->socket;
ok wait_until { !$server->running }, 'a wheel whose client leaves ends';
is((recent())[0]{stopped_by}, 'gone', 'and is kept as such');

my ($killed) = $server->rotate(1, '/rotate/killed');
my ($victim) = grep { $_->{name} eq 'killed' } $server->rotating;
$server->kill_child($victim->{pid});
ok wait_until { ((recent())[0]{stopped_by} // '') eq 'died' },
    'a wheel whose process is killed is kept, too';

$server->rotate_briefly(map {"n$_"} 1 .. RING_MAX + 6);
@recent = recent();
is @recent, RING_MAX, 'of very many, the last ' . RING_MAX . ' are kept';
is $recent[0]{name}, 'n' . (RING_MAX + 6), 'the newest first';
is $recent[-1]{name}, 'n7', 'and the oldest last';
