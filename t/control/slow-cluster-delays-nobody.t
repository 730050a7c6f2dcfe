# SPDX-License-Identifier: Apache-2.0
# A stop by wheelctl is one of all hosts, and waits for them.  Whoever else
# comes to the same process doesn't wait.
#
# Under one MPM: the socket is served in the same way under each.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config hear plain_connect wheelctl_json);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 9, need_module 'wheel';

my $redis  = WheelRedis->started;
my $server = WheelServer->started(
    processes => 1, threads => 8,
    config    => control_config() . $redis->host_config('near', 'timeout=20s')
);
ok $server->logs(qr/WH0084:/), 'the host reads';

my @wheels = $server->rotate(2);
$redis->pause;
my $asks = plain_connect($server);
syswrite $asks, "stop\n";
is await(@wheels), 2, 'a stop ends the wheels of its host';
my ($code, $list);
ok wait_until {
    ($code, $list) = wheelctl_json($server, 'list');
    $code == 0 && !@{ $list->{running} };
}, 'while it tells the others, wheels are listed: none is left here';
($code) = wheelctl_json($server, 'stop', '--all', '--dry-run');
is $code, 0, 'and another client is told what it would stop';
is sysread($asks, my $early, 1), undef, 'the first has no answer yet';

# One that leaves meanwhile is forgotten when its hosts are told.
my $leaves = plain_connect($server);
syswrite $leaves, "stop\n";
close $leaves;
$redis->resume;
like hear($asks), qr/^200\n.*"near".*\n\z/,
    'once they are told, it hears what each has stopped';
my @last = wheelctl_json($server, 'stop', '--all');
is $last[0], 0, 'and the next stop is answered as ever';
is $last[1]{hosts}[0]{host}, 'near', 'with its hosts';
ok $server->stop, 'nothing holds the server back';
