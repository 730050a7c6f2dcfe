# SPDX-License-Identifier: Apache-2.0
# TERM ends the server at once, with fifty wheels under way, also when it comes
# twice, and each client gets its number: also where the MPM closes connections
# first, as worker and event do.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints ended_in_time restarted room_for turn);
use WheelPlan;
use WheelServer ();

plan tests => 3 * 2 + 4, need_module 'wheel';

for my $twice (0, 1) {
    my $server = WheelServer->started(room_for(50));
    my @wheels = turn($server, 50);
    $server->signal('TERM') if $twice;
    ended_in_time($server, 'TERM', $twice ? 'TERM twice' : 'TERM', 0, @wheels);
    is_deeply answers_by(5, @wheels), { shutdown => 50 },
        'the clients are answered';
    is_deeply [complaints($server)], [], 'the log has no complaint';
}

# Children that are stopping gracefully ignore TERM by themselves.
my $server = WheelServer->started(room_for(50));
my @older  = turn($server, 25);
restarted($server, 'USR1');
my @current = turn($server, 25);
ended_in_time($server, 'TERM', 'two generations', 0, @older, @current);
is_deeply answers_by(5, @older), { shutdown => 25 },
    'the clients of the older are answered';
is_deeply answers_by(5, @current), { shutdown => 25 },
    'those of the current one, too';
is_deeply [complaints($server)], [], 'the log has no complaint';
