# SPDX-License-Identifier: Apache-2.0
# A restart with a WheelReserve that leaves no worker for wheels: the server goes
# on, refuses them, and says why.  Those that turn stay, and can be stopped.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by restarted room_for turn);
use WheelHttpd qw(slurp spew);
use WheelPlan;
use WheelServer ();

plan tests => 6, need_module 'wheel';

my $server = WheelServer->started(room_for(4));
my @wheels = turn($server, 2);
spew($server->conf_file, slurp($server->conf_file) . "WheelReserve 100000\n");
ok restarted($server, 'USR1'), 'the server restarts';
ok $server->logs(qr/:error\].*WH0030: WheelReserve: 100000 leaves/),
    'the log says what is wrong';
my $refused = $server->get('/rotate');
is $refused->status, 503, 'a new wheel is refused';
like $refused->body, qr{"detail":"[^"]*workers}, 'by the limit';
is $server->get('/stop')->header('Wheel-Stopped'), 2, 'the others are stopped';
is_deeply answers_by(@wheels), { stop => 2 }, 'and answered';
