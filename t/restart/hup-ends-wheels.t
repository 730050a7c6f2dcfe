# SPDX-License-Identifier: Apache-2.0
# A restart by HUP ends all wheels, those of older generations included, and
# their slots come back.  Each client gets its number, unless the MPM closes its
# connection first, as worker and event do in children of the current generation.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints restarted turn);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 9, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 16);
my @older  = turn($server, 6);
ok restarted($server, 'USR1'), 'the server restarts gracefully';
my @current = turn($server, 6);
my $id      = ($server->rotating)[-1]{id};
ok restarted($server, 'HUP'), 'then by HUP';

is_deeply answers_by(@older), { shutdown => 6 },
    'wheels of the older generation are answered';
my $cut = $server->mpm eq 'prefork' ? 'shutdown' : 'none';
is_deeply answers_by(@current), { $cut => 6 },
    'those of the current one as their MPM allows';
ok wait_until { !$server->running }, 'no slot is left in use';
is $server->status->{totals}{ended}{shutdown}, 12,
    'all are counted as ended by a shutdown';

my ($wheel) = turn($server, 1);
cmp_ok $server->status->{running}[0]{id}, '>', $id,
    'ids go on where they were';
$server->get('/stop');
is_deeply answers_by($wheel), { stop => 1 }, 'new wheels turn and stop';
is_deeply [complaints($server)], [], 'the log has no complaint';
