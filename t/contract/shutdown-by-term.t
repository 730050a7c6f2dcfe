# SPDX-License-Identifier: Apache-2.0
# TERM ends the server at once, with fifty wheels under way, also when it comes
# twice.  Each client gets its number where the MPM leaves its connection open:
# under prefork, and in children of worker and event that are stopping
# gracefully.  In the others, these close all connections before they tell
# anybody, as for any request.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints ended_in_time restarted room_for turn);
use WheelPlan;
use WheelServer ();

my $cut = WheelServer::mpm() eq 'prefork' ? 'shutdown' : 'none';

plan tests => 3 * 2 + 4, need_module 'wheel';

for my $twice (0, 1) {
    my $server = WheelServer->started(room_for(50));
    my @wheels = turn($server, 50);
    $server->signal('TERM') if $twice;
    ended_in_time($server, 'TERM', $twice ? 'TERM twice' : 'TERM', @wheels);
    is_deeply answers_by(@wheels), { $cut => 50 },
        $cut eq 'none' ? 'the clients are cut off' : 'the clients are answered';
    is_deeply [complaints($server)], [], 'the log has no complaint';
}

# Children that are stopping gracefully ignore TERM by themselves.
my $server = WheelServer->started(room_for(50));
my @older  = turn($server, 25);
restarted($server, 'USR1');
my @current = turn($server, 25);
ended_in_time($server, 'TERM', 'two generations', @older, @current);
is_deeply answers_by(@older), { shutdown => 25 },
    'the clients of the older are answered';
is_deeply answers_by(@current), { $cut => 25 },
    'those of the current one as their MPM allows';
is_deeply [complaints($server)], [], 'the log has no complaint';
