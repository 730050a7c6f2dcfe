# SPDX-License-Identifier: Apache-2.0
# The configuration that comes with the module is right under every MPM, starts
# as it is, and serves what it says.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(wheelctl);
use WheelHttpd qw(checkout_dir libexec_dir module_file run_group run_user
    slurp);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

my $conf = checkout_dir() . '/conf';
plan tests => 22, need_module 'wheel';

# Nothing but where things are.
my %define = (
    WHEEL_PORT => 'PORT', WHEEL_MPM => WheelServer::mpm(),
    WHEEL_MODULES => libexec_dir(), WHEEL_SO => module_file(),
    WHEEL_WWW => 'DIR/htdocs', WHEEL_RUN => 'DIR/run',
    WHEEL_USER => run_user(), WHEEL_GROUP => run_group(),
);
my $server = WheelServer->new(
    file => "$conf/httpd.conf", define => \%define, processes => 1,
    threads => 128
);
my ($code, $words) = $server->check;
is $code, 0, 'conf/httpd.conf is right' or diag $words;
like $words, qr/\ASyntax OK$/m, 'there is nothing to warn of';

ok $server->start, 'it starts' or diag $server->error_log;
is $server->get('/')->body, "hello\n", '/ is the page';
is $server->get("/$_")->status, 200, "/$_ is served"
    for qw(rotate?wait=0 stop wheel-status wheel-status?json server-status);
my @wheels = map { $server->begin(GET => '/rotate') } 1 .. 100;
ok $server->wait_rotating(100), '100 wheels that start at once all rotate';
is $server->get('/stop')->header('Wheel-Stopped'), 100, 'a stop ends them all';
is await(@wheels), 100, 'each has its number';
$server->get('/rotate/red?wait=0');
is +(wheelctl($server, 'list'))[0], 0, 'and wheelctl finds it';
my $logged = wait_until { $server->file_text('run/wheel.log') =~ /name=red/ };
ok $logged, 'wheel.log has the facts of a wheel';
unlike $server->file_text('run/access.log'), qr/rotate/,
    'access.log has the other requests only';
ok $server->stop, 'it stops';
is complaints($server), '', 'nothing was wrong in its log';

# In a server that has modules of its own.
my $other = WheelServer->new(
    addresses => 0, processes => 1, threads => 8,
    config => "Include $conf/wheel.conf\nWheelRequests on\n"
);
($code, $words) = $other->check;
is $code, 0, 'conf/wheel.conf is right' or diag $words;
unlike $words, qr/WH0/, 'and warns of nothing where every request is a job';
ok $other->start, 'a server that includes it starts' or diag $other->error_log;
my @seen = map { $other->get("/wheel/$_")->status }
    qw(rotate?wait=0 stop wheel-status?json);
is "@seen", '200 200 200', 'and serves its addresses';

my $load = slurp("$conf/wheel.load");
like $load, qr/^LoadModule wheel_module \S+$/m, 'conf/wheel.load loads it';

# A child that had a hundred wheels takes its time where their threads, which are
# of the idle class, get no CPU.
sub complaints {
    my ($server) = @_;
    return join "\n", grep {
        /:(?:warn|error|crit|alert|emerg)\]/ && !/AH0004[567]/
    } split /\n/,
        $server->error_log . $server->file_text('run/error.log');
}
