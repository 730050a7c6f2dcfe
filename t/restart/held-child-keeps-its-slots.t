# SPDX-License-Identifier: Apache-2.0
# A restart by HUP takes a child that is held (by SIGSTOP, say) for a dead one.
# Its wheels and requests keep their slots all the same, until it has ended in
# truth.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(complaints parent_naps settled turn);
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(freeze wait_until);

plan tests => 7, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 6, spare => 6,
    config => user_modules('test_busy') . <<'END');
<Location "/busy">
    SetHandler test-busy
    WheelRequests on
</Location>
END
my ($wheel) = turn($server, 1);
my ($held)  = $server->rotating;
my $busy    = $server->begin(GET => '/busy');
my $row     = listed($server, '/busy');
my @held    = keys %{ { map { $_->{pid} => 1 } $held, $row } };

# The parent is not to see that it is held before it hears of the restart.
settled($server);
my $naps = parent_naps($server);
wait_until { parent_naps($server) > $naps };
my $ready  = qr/resuming normal operations/;
my $before = () = $server->error_log =~ /$ready/g;
freeze($server->pid);
freeze(@held);
$server->signal('HUP');
kill CONT => $server->pid;
ok wait_until { $before < (() = $server->error_log =~ /$ready/g) },
    'the server restarts';
is_deeply [map { $_->{id} } $server->running], [$held->{id}],
    'the wheel in the held child is listed';
is_deeply [map { $_->{id} } @{ $server->status->{requests} }], [$row->{id}],
    'and so is the request';
spew($server->dir . '/htdocs/end', '');
kill CONT => @held;
ok wait_until { !$server->running }, 'it ends with its child';
ok wait_until { !@{ $server->status->{requests} } }, 'and so does the request';
is_deeply [map { "$_->{id} $_->{stopped_by}" } @{ $server->status->{recent} }],
    ["$held->{id} shutdown"], 'and is remembered as ended by a shutdown';
is_deeply [complaints($server)], [], 'the log has no complaint';
