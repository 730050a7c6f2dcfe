# SPDX-License-Identifier: Apache-2.0
# The socket of WheelControl goes with its server.  What a killed one leaves is
# replaced, also while its children go on, and that of one that lives is not.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config control_socket hear plain_connect wheelctl
    wheelctl_json);
use WheelFaults qw(complaints kill_hard room_for turn);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await freeze wait_until);

plan tests => 27, need_module 'wheel';

my $server = WheelServer->started(room_for(2), config => control_config());
my $socket = control_socket($server);

# A stop that waits for a process that is frozen, when the server is to end.
my @wheels = turn($server, 1);
my ($wheel) = $server->rotating;
freeze($wheel->{pid});
my $waits = plain_connect($server);
syswrite $waits, "stop wait=20\n";
wait_until { (wheelctl_json($server, 'list'))[1]{jobs}{stopping} };
$server->signal('TERM');
like hear($waits), qr/\A200\n\{"stopped":1,.*"running"/,
    'who waits when the server ends is told how far it is';
kill CONT => $wheel->{pid};
ok $server->stop, 'the server stops';
ok !-e $socket, 'and takes the socket along';
is join("\n", complaints($server)), '', 'and the log has no complaint';

# A graceful stop waits for wheels, which nobody reaches by HTTP any more.
ok $server->start, 'it starts again';
my @last = turn($server, 1);
$server->signal('WINCH');
wait_until { !eval { $server->connect_to } };
is +(wheelctl($server, qw(stop --all --wait=20)))[0], 0,
    'wheelctl stops wheels while the server waits for their end';
is await(@last), 1, 'their clients have their numbers';
ok wait_until { !$server->up }, 'and the server its end';
ok !-e $socket, 'without the socket';

# Another server, and what a killed one leaves.
delete $server->{pid};
ok $server->start, 'it starts once more';
my $inode = (stat $socket)[1];
my $second = WheelServer->new(config => "WheelControl $socket\n");
ok !$second->start, 'a second server does not take its socket';
my $pid = $server->pid;
ok $second->logs(qr/WH0060: .*another server, process $pid,/),
    'and says whose it is';
is $second->run('-k', 'start'), 1, 'in time for an exit code';
is $second->run('-t'), 0, 'though its configuration is right';
is $server->run('-k', 'graceful'), 0, 'and the first can still be told things';
is((stat $socket)[1], $inode, 'which is still there');
is +(wheelctl($server, 'list'))[0], 0, 'and served';
kill_hard($server->pid, $server->children);
$server->up;
ok -S $socket, 'a server that is killed leaves it';
# Its helper may take one more client before it sees that.
my ($code, $err);
wait_until {
    ($code, undef, $err) = wheelctl($server, 'list');
    $code == 3;
};
is "$code $err", "3 wheelctl: $socket: the server that made this socket is "
    . "gone, or it is no socket\n", 'and wheelctl says that the server is gone';
ok $second->start, 'another server replaces it' or diag $second->error_log;
is +(wheelctl($server, 'list'))[0], 0, 'and serves it';
ok $second->stop, 'until it ends';
ok !-e $socket, 'and takes it along';

# Killed parents leave children that go on, but not the socket.
ok $server->start, 'a server starts';
my ($last) = turn($server, 1);
my ($orphan) = $server->rotating;
my @orphans  = $server->children;
kill_hard($server->pid);
ok $second->start, 'when its parent is killed, another takes the socket over'
    or diag $second->error_log;
ok alive($orphan->{pid}), 'though a child goes on';
is +(wheelctl($server, 'list'))[0], 0, 'and serves it';
kill_hard(@orphans);
