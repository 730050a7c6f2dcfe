# SPDX-License-Identifier: Apache-2.0
# wheelctl lists and stops wheels while every worker of the server is taken and
# no request over HTTP is answered.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

plan tests => 12, need_module 'wheel';

my $server = WheelServer->started(
    processes => 2, threads => 4, config => control_config()
);
my @wheels = map { $server->rotate(1, "/rotate/$_") } qw(red blue);

# A worker reads such a request until it is whole.
my @slow = map { WheelClient->new($server->port) } 1 .. 50;
$_->send("GET / HTTP/1.1\r\nHost: x\r\n") for @slow;
my ($code, $list);
my $full = wait_until {
    ($code, $list) = wheelctl_json($server, 'list');
    $code == 0 && $list->{workers}{idle} == 0;
};
ok $full, 'wheelctl says that no worker is left'
    or diag explain($list);
my $stop = $server->begin(GET => '/stop');
is collect(0.5, $stop), 0, '/stop is not answered';

($code, my $out, my $err) = wheelctl($server, 'list');
is $code, 0, 'wheelctl lists all the same' or diag $err;
like $out, qr/^\d+ +red +127\.0\.0\.1 +wheel-rotate +\d+ +rotating /m,
    'one wheel';
like $out, qr/^\d+ +blue /m, 'and the other';
($code, $out, $err) = wheelctl($server, 'stop', '--name=red', '--wait=20');
is $code, 0, 'and stops' or diag $err;
like $out, qr/^\d+ +red +\S+ +\S+ +ended$/m, 'the one';
unlike $out, qr/blue/, 'and not the other';
is await($wheels[0]), 1, 'whose client has its number';
is $wheels[0]->header('Wheel-Stopped-By'), 'stop', 'by a stop';
is collect(0, $wheels[1]), 0, 'while the other turns on';

$_->vanish('reset') for @slow;
is await($stop, $wheels[1]), 2,
    'once workers are back, /stop is answered, too';
