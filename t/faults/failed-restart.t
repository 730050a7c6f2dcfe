# SPDX-License-Identifier: Apache-2.0
# A graceful restart that fails ends the parent.  Nobody listens any more, so
# nobody could stop the wheels of its children: they end, and each client gets
# its number.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by resumed room_for turn);
use WheelHttpd qw(slurp spew);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 4, need_module 'wheel';

my $server = WheelServer->started(room_for(6), config => <<'CONFIG');
WheelOnDisconnect continue
CONFIG
my @wheels = turn($server, 2);
resumed($server, 'USR1');
push @wheels, turn($server, 2);
my ($left) = turn($server, 1, 'left');
close $left->socket;
my @pids = $server->children;

spew($server->conf_file, slurp($server->conf_file) . "NoSuchDirective on\n");
$server->signal('USR1');
ok wait_until { !$server->up }, 'a restart with a wrong configuration fails';
is_deeply answers_by(@wheels), { shutdown => 4 },
    'wheels of both generations are answered';
ok wait_until { !grep { alive($_) } @pids }, 'and no process is left';
ok $server->logs(qr/WH0015: .*nobody listens/), 'the log says why';
