# SPDX-License-Identifier: Apache-2.0
# A child that has served MaxConnectionsPerChild stops accepting; its wheels
# turn on, are stopped from elsewhere, and are answered when the server ends.
# (A child of prefork ends after its connection: nothing is different there.)

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(accepts answers_by complaints ended_in_time room_for turn
    wheels_by_pid);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 7, need_module 'wheel';

# Children wear out one after the other; each keeps its place.  worker's parent
# may miss that threads of a child have ended, and needs room for another.
my $server = WheelServer->started(room_for(50), spare => 60,
    config => "MaxConnectionsPerChild 80\n"
        . (WheelServer::mpm() eq 'worker' ? "MaxRequestWorkers 560\n" : ''));
my @some = turn($server, 25, 'some');
my @rest = turn($server, 25, 'rest');

# Every question is one more connection.
my @pids = keys %{ wheels_by_pid($server) };
ok wait_until {
    $server->get('/') for 1 .. 10;
    $server->mpm eq 'prefork' || !grep { accepts($server, $_) } @pids;
}, 'the children with wheels have worn out';
is collect(0.3, @some, @rest), 0, 'fifty wheels turn on in them';

my $stop = $server->get('/stop/some');
is $stop->header('Wheel-Stopped'), 25, 'a stop finds half of them'
    or diag $stop->status // 'no answer', ': ', $stop->body;
is_deeply answers_by(@some), { stop => 25 }, 'which are answered';
ended_in_time($server, 'TERM', 'worn-out children', @rest);
is_deeply answers_by(@rest), { shutdown => 25 },
    'the clients of the others are answered at the end';
is_deeply [complaints($server)], [], 'the log has no complaint';
