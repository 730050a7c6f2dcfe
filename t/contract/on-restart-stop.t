# SPDX-License-Identifier: Apache-2.0
# With WheelOnRestart stop, a graceful restart ends the wheels under way, and
# each client gets its number.  It is read when the server restarts.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints restarted turn);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 9, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 12);
my $port   = $server->port;
my @wheels = turn($server, 5);
$server->configure(port => $port, config => "WheelOnRestart stop\n");
ok restarted($server, 'USR1'), 'the server restarts with WheelOnRestart stop';
is_deeply answers_by(@wheels), { shutdown => 5 },
    'wheels of before are answered: ended by a shutdown';
ok wait_until { !$server->running }, 'no slot is left in use';

@wheels = turn($server, 5);
is collect(0.3, @wheels), 0, 'new wheels turn on';
ok restarted($server, 'USR1'), 'it restarts again';
is_deeply answers_by(@wheels), { shutdown => 5 }, 'and ends those, too';

$server->configure(port => $port, config => "WheelOnRestart continue\n");
@wheels = turn($server, 5);
restarted($server, 'USR1');
is collect(0.3, @wheels), 0,
    'with WheelOnRestart continue, they turn on';
$server->get('/stop');
is_deeply answers_by(@wheels), { stop => 5 }, 'until somebody stops them';
is_deeply [complaints($server)], [], 'the log has no complaint';
