# SPDX-License-Identifier: Apache-2.0
# The socket of WheelControl is the same over restarts and deaths of children.  A
# restart may change it.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config control_socket hear plain_connect wheelctl
    wheelctl_json);
use WheelFaults qw(accepts complaints kill_hard restarted room_for turn);
use WheelHttpd qw(spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await freeze wait_until);

plan tests => 19, need_module 'wheel';

# A wheel needs two workers that wait, and prefork is content with one.  After a
# graceful restart, worker and event are content with one process, for which
# there is room whatever the wheels of old ones hold: without, wheels may have to
# give way (WH0013).
my %room = room_for(2);
$room{processes}++;
my $more = <<"END";
<IfModule mpm_prefork_module>
    MinSpareServers 3
</IfModule>
<IfModule !mpm_prefork_module>
    MinSpareThreads @{[$room{threads} + 1]}
</IfModule>
END
my $server
    = WheelServer->started(%room, config => control_config() . $more);
my $socket = control_socket($server);
my $inode  = (stat $socket)[1];
is sprintf('%04o', (stat _)[2] & 07777), '0600', 'nobody else may use the file';

# Restarts.
my @wheels = turn($server, 2, 'old');
ok restarted($server, 'USR1'), 'the server restarts gracefully';
is((stat $socket)[1], $inode, 'the socket is the same');
push @wheels, turn($server, 1, 'new');
my ($code, $json) = wheelctl_json($server, 'list');
is join(' ', sort map { $_->{name} } @{ $json->{running} }), 'new old old',
    'wheels of both generations are listed';
($code, $json) = wheelctl_json($server, qw(stop --name=old --wait=20));
is_deeply [$code, map { $_->{outcome} } @{ $json->{wheels} }],
    [0, 'ended', 'ended'], 'and stopped';
is await(@wheels[0, 1]), 2, 'with their numbers';
($code) = wheelctl($server, qw(stop --all --wait=20));
is await(@wheels), 3, 'the new one, too';

# What is changed by a restart.
$server->configure(port => $server->port,
    config => "WheelControl other.sock\n$more");
restarted($server, 'USR1');
ok !-e $socket, 'with another path, the old socket is gone';
is +(wheelctl($server, 'list'))[0], 3, 'and no more served';
is +(wheelctl('', 'list', '-s', $server->dir . '/run/other.sock'))[0], 0,
    'the new one is';
$server->configure(port => $server->port, config => "WheelControl off\n$more");
restarted($server, 'USR1');
is join(' ', grep { -S } glob $server->dir . '/run/*'), '',
    'with off, there is none';
spew($socket, 'mine');
$server->configure(port => $server->port, config => control_config() . $more);
restarted($server, 'USR1');
ok $server->up, 'a restart that finds something in its way goes on without';
ok $server->logs(qr/WH0060: WheelControl: \S+ is there, and is no/),
    'and says so';
unlink $socket;
restarted($server, 'HUP');
is +(wheelctl($server, 'list'))[0], 0, 'the next restart makes it';
unlink $socket;
restarted($server, 'USR1');
is +(wheelctl($server, 'list'))[0], 0, 'as it does when somebody removed it';

# Deaths of children, of all that are there: the helper goes on, and a stop that
# waits hears the end of the wheel that died with them.
wait_until { 1 < grep { accepts($server, $_) } $server->children };
@wheels = turn($server, 1);
my ($wheel) = $server->rotating;
freeze($wheel->{pid});
my $waits = plain_connect($server);
syswrite $waits, "stop wait=20\n";
wait_until { (wheelctl_json($server, 'list'))[1]{jobs}{stopping} }
    or die "nobody has heard the stop\n";
kill_hard($server->children);
is +(wheelctl($server, 'list'))[0], 0, 'when children are killed, it answers';
like hear($waits) // 'nothing', qr/"ended"/,
    'a client that waits for a wheel of theirs hears of its end';
ok wait_until { !@{ (wheelctl_json($server, 'list'))[1]{running} } },
    'and no dead wheel is listed';
is join("\n", complaints($server)), '', 'nobody complains';
