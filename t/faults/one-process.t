# SPDX-License-Identifier: Apache-2.0
# A debugging server, httpd -X, whose only process gives root away, answers, and
# ends by TERM with all that it has started.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 4, need_module 'wheel';

my $server = WheelServer->started(mode => '-X', processes => 1, threads => 4,
    ready => 1, config => control_config() . <<'END');
WheelReserve 0
WheelRequests on
WheelPrivileged cut cooldown
END
is $server->get('/rotate?wait=0')->status, 200, 'a wheel turns';
my @others = map { $_->($server->pid) } \&WheelTest::privileged_pids,
    \&WheelTest::supervisor_pids, \&WheelTest::helper_pids;
is scalar @others, $> ? 2 : 3, 'the helper is there, and for root the other';
ok $server->stop(10), 'TERM ends the server';
ok wait_until { !grep { alive($_) } @others }, 'and all that it has started';
