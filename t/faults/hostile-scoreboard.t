# SPDX-License-Identifier: Apache-2.0
# A child that lies about the size of httpd's scoreboard brings down neither the
# helper nor the workers of other children, which count idle workers there.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl);
use WheelFaults qw(room_for);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(helper_pids);

plan tests => 7, need_module 'wheel';

my $server = WheelServer->started(room_for(1),
    config => <<"END" . control_config());
@{[user_modules('test_hostile')]}
WheelRequests on
<Location "/hostile">
    SetHandler test-hostile-scoreboard
</Location>
END
my ($helper) = helper_pids($server->pid);
is +(wheelctl($server, 'list'))[0], 0, 'wheelctl is answered';
is $server->get('/hostile')->body, "done\n", 'a child lies';
is +(wheelctl($server, 'list'))[0], 0, 'wheelctl is answered still';
is +(helper_pids($server->pid))[0], $helper, 'by the same helper';
is $server->get('/rotate?wait=0.5')->status, 200, 'a wheel turns';
is $server->get('/wheel-status?json')->status, 200, 'the status is shown';
unlike $server->error_log, qr/Segmentation|WH0072/, 'and no process has died';
