# SPDX-License-Identifier: Apache-2.0
# Clients that don't read their answer and don't hang up keep no server from
# ending in time.  Their numbers are there when they look.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints ended_in_time restarted room_for turn);
use WheelPlan;
use WheelServer ();

plan tests => 3, need_module 'wheel';

my $server = WheelServer->started(room_for(40));
my @wheels = turn($server, 20);
restarted($server, 'USR1');
push @wheels, turn($server, 20);
ended_in_time($server, 'TERM', 'silent clients');
# worker and event close the connections of the current generation first.
is_deeply answers_by(@wheels),
    $server->mpm eq 'prefork' ? { shutdown => 40 }
    : { shutdown => 20, none => 20 },
    'those whose connections are open are answered';
is_deeply [complaints($server)], [], 'the log has no complaint';
