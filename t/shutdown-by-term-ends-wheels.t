# TERM ends the server at once, with fifty wheels under way, also when it comes
# twice.  Each client gets its number where the MPM still has the connection:
# worker and event close those of the current generation first.

use strict;
use warnings FATAL => 'all';

use Apache::Test qw(-withtestmore);
use WheelFaults qw(answers_by complaints ended_in_time restarted room_for turn);
use WheelServer ();

plan tests => 3 * 2 + 4, need_module 'wheel';

my $current = WheelServer::mpm() eq 'prefork' ? 'shutdown' : 'none';
my $fate    = WheelServer::mpm() eq 'prefork' ? 'answered' : 'cut off';

for my $twice (0, 1) {
    my $server = WheelServer->started(room_for(50));
    my @wheels = turn($server, 50);
    $server->signal('TERM') if $twice;
    ended_in_time($server, 'TERM', $twice ? 'TERM twice' : 'TERM', 0, @wheels);
    is_deeply answers_by(5, @wheels), { $current => 50 },
        "the clients are $fate";
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
is_deeply answers_by(5, @current), { $current => 25 },
    "those of the current one are $fate";
is_deeply [complaints($server)], [], 'the log has no complaint';
