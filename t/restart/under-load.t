# SPDX-License-Identifier: Apache-2.0
# Restarts in close succession, with wheels that stay and others that come and
# go: each request is answered, and one stop ends the wheels of all generations.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints restarted turn);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

my $restarts = 6;
plan tests => 10, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 20, spare => 30);

my ($done, @staying, @brief) = (0);
for my $round (1 .. $restarts) {
    push @brief, map { $server->begin(GET => '/rotate?wait=0.05') } 1 .. 4;
    # One restart finds new wheels that turn, another requests on their way.
    push @staying, $round % 2 ? turn($server, 2, "round-$round")
        : map { $server->begin(GET => '/rotate') } 1 .. 2;
    restarted($server, 'USR1', @brief, @staying) or last;
    $done++;
}
is $done, $restarts, "the server restarts $restarts times";
is await(@brief), @brief, 'every wheel with a deadline is answered';

my @stay;
wait_until {
    collect(0, @staying);
    @stay = grep { !$_->done } @staying;
    $server->rotating == @stay;
};
my @rotating = $server->rotating;
is @rotating, @stay, 'every other one is listed';
my %generation = map { $_->{generation} => 1 } @rotating;
cmp_ok keys %generation, '>=', 3, 'wheels of several generations are';

is $server->get('/stop')->header('Wheel-Stopped'), @stay,
    'one stop finds them all';
is_deeply answers_by(@stay), { stop => scalar @stay },
    'and each is answered';

my %status;
$status{ $_->status // 'none' }++ for @staying, @brief;
my $taken = delete $status{200};
diag "of the rest, @{[%status]}";
delete $status{503};
is_deeply \%status, {}, 'whoever got no wheel was refused in due form';
ok wait_until { !$server->running }, 'no slot is left in use';
cmp_ok $server->status->{totals}{started}, '>=', $taken,
    'each is counted';
is_deeply [complaints($server)], [], 'the log has no complaint';
