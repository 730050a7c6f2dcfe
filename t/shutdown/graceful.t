# SPDX-License-Identifier: Apache-2.0
# A graceful stop waits for the wheels under way, of all generations: until they
# have ended, until TERM ends them, or until GracefulShutdownTimeout is over.
# Whenever it is the server that ends them, every client gets its number.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use WheelFaults qw(answers_by complaints ended_in_time restarted room_for turn);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 6 + 4 + 3, need_module 'wheel';

sub listens {
    my ($server) = @_;
    return IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $server->port);
}

my $server = WheelServer->started(room_for(50));
my @older  = turn($server, 25);
restarted($server, 'USR1');
my @wheels = (@older, turn($server, 25));
my @pids   = $server->children;
$server->signal('WINCH');
ok wait_until { !listens($server) }, 'nothing listens after a graceful stop';
# The parent looks every second whether its children have ended.
is collect(1.5, @wheels), 0, 'but fifty wheels turn on';
ok $server->up, 'and the server waits for them';
close $_->socket for @wheels;
ok wait_until { !$server->up }, 'when their clients have gone, it ends';
ok wait_until { !grep { alive($_) } @pids }, 'with all of its children';
is_deeply [complaints($server)], [], 'the log has no complaint';

# Under event, where processes that are about to end hold all places, old wheels
# end after three seconds, so that somebody serves: but not now.
$server = WheelServer->started(room_for(50), spare => 0);
@wheels = turn($server, 50);
$server->signal('WINCH');
wait_until { !listens($server) };
is collect($server->mpm eq 'event' ? 4.5 : 0.5, @wheels), 0,
    'in the next, too, fifty wheels turn on';
ended_in_time($server, 'TERM', 'TERM while it waits', @wheels);
is_deeply answers_by(@wheels), { shutdown => 50 },
    'the clients are answered';
is_deeply [complaints($server)], [], 'the log has no complaint';

$server = WheelServer->started(room_for(50),
    config => "GracefulShutdownTimeout 1\n");
@older = turn($server, 25);
restarted($server, 'USR1');
@wheels = (@older, turn($server, 25));
ended_in_time($server, 'WINCH', 'GracefulShutdownTimeout 1', @wheels);
is_deeply answers_by(@wheels), { shutdown => 50 },
    'the clients are answered';
is_deeply [complaints($server)], [], 'the log has no complaint';
