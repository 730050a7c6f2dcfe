# SPDX-License-Identifier: Apache-2.0
# Root and who started the server may use the socket of WheelControl, and the
# members of its group: nobody else, even where the file would let them.
#
# Under one MPM: the kernel decides who may use the socket.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config control_socket wheelctl_as);
use WheelPlan;
use WheelServer ();

plan tests => 17, need 'wheel',
    { 'root alone can become others' => sub { $> == 0 } };

my ($user, $group) = (scalar getpwnam 'nobody', scalar getgrnam 'daemon');
my $other = getgrnam 'nogroup';
my ($www, $www_group) = (getpwnam WheelHttpd::run_user())[2, 3];

my $server = WheelServer->started(
    processes => 1, threads => 4, config => control_config()
);
my $socket = control_socket($server);
may([0, 0], 'root');
may_not([$user, $other], qr/permission denied/, 'somebody else');
may_not([$www, $www_group], qr/permission denied/,
    'the user that requests run as');
chmod 0666, $socket or die "$socket: $!\n";
may_not([$user, $other, $group], qr/only root, the user who/,
    'nor is a wrong right of the file enough: somebody');
ok $server->logs(qr/WH0062: process \d+ of user $user may not use/),
    'which the log says';
$server->stop;

$server = WheelServer->started(
    processes => 1, threads => 4, config => control_config('group=daemon')
);
$socket = control_socket($server);
my @file = stat $socket;
is sprintf('%04o %d', $file[2] & 07777, $file[5]), "0660 $group",
    'with a group, the file is for it';
may([$user, $group], 'a member of the group by its first');
may([$user, $other, $group], 'one by another');
may_not([$user, $other], qr/permission denied/, 'no member');
chmod 0666, $socket or die "$socket: $!\n";
may_not([$user, $other], qr/only root, the user who/, 'no member, still,');
may_not([$www, $group], qr/the user that serves requests may not/,
    'the user that requests run as, though it is a member,');

sub may {
    my ($who, $what) = @_;
    my ($code, $out, $err) = wheelctl_as($who, $server, 'list');
    is $code, 0, "$what may list" or diag $err;
    return;
}

sub may_not {
    my ($who, $why, $what) = @_;
    my ($code, $out, $err) = wheelctl_as($who, $server, 'stop', '--all');
    is $code, 3, "$what may not stop";
    like $err, $why, 'and hears why';
    return;
}
