# SPDX-License-Identifier: Apache-2.0
# The shipped configuration refuses none of 128 wheels that come in one burst,
# whichever children get them.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir libexec_dir module_file run_group run_user);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

use constant WHEELS => 128;

plan tests => 3, need_module 'wheel';

my $server = WheelServer->started(
    file => checkout_dir() . '/conf/httpd.conf',
    processes => 1, threads => WHEELS + 1,
    define => {
        WHEEL_PORT => 'PORT', WHEEL_MPM => WheelServer::mpm(),
        WHEEL_MODULES => libexec_dir(), WHEEL_SO => module_file(),
        WHEEL_WWW => 'DIR/htdocs', WHEEL_RUN => 'DIR/run',
        WHEEL_USER => run_user(), WHEEL_GROUP => run_group(),
    }
);
my @wheels = map { $server->begin(GET => '/rotate') } 1 .. WHEELS;
ok wait_until { $server->rotating == WHEELS }, 'all 128 rotate';
is $server->get('/stop')->header('Wheel-Stopped'), WHEELS, 'one stop ends all';
await(@wheels);
is scalar(grep { $_->status == 200 } @wheels), WHEELS,
    'and each client has its number';
