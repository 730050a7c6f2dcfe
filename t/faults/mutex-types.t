# SPDX-License-Identifier: Apache-2.0
# Every type of mutex that recovers works: wheels start and stop, although one
# child was killed while it held the mutex and another beside its wheel, and
# over a graceful restart.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints die_at kill_hard mortal_server
    restarted stores_left turn);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelTest qw(await wait_until);

my @types = ('pthread', 'sysvsem', 'fcntl:run', 'flock:run');
plan tests => 7 * @types, need_module 'wheel';

for my $type (@types) {
    my $server = mortal_server(
        processes => 4, threads => 6, config => "Mutex $type wheel\n");
    die_at($server, 3); # in the middle of a claim
    await($server->begin(GET => '/rotate'));
    is stores_left($server), 0, "Mutex $type: a child dies while it holds it";
    my ($doomed) = turn($server, 1);
    my ($pid)    = map { $_->{pid} } $server->rotating;
    my @wheels   = turn($server, 2);
    my @others   = grep { $_->{pid} != $pid } $server->rotating;
    kill_hard($pid);
    ok wait_until { !grep { $_->{pid} == $pid } $server->running },
        'the slots of another that is killed come back';
    # After a restart, event counts a child of before as one of its own, starts
    # one too many, and later forgets to tell it to end.
    wait_until { !grep { !alive($_) } $server->children };
    ok restarted($server, 'USR1', $doomed, @wheels),
        'the server restarts gracefully';
    push @wheels, turn($server, 1);
    my $stop = $server->get('/stop');
    is $stop->header('Wheel-Stopped'), @others + 1,
        'a stop finds the wheels of both generations';
    is answers_by(@wheels)->{stop}, @others + 1, 'and they are answered';
    ok wait_until { !$server->running }, 'no slot is left in use';
    is_deeply [complaints($server)], [], 'and the log has no complaint';
}
