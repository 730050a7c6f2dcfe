# SPDX-License-Identifier: Apache-2.0
# Where a restart doesn't unload modules (with musl, or a module that is linked
# into httpd), nothing is left of the configuration before.
#
# Under one MPM: it has no part in how the configuration is read.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

# Of 64 that there may be in one configuration.
use constant POOLS => 40;

my $shim = checkout_dir() . '/t/modules/.libs/dlclose_shim.so';
plan -e $shim && ($ENV{WHEEL_HTTPD} // '') !~ /asan/
    ? (tests => 4, need_module 'wheel')
    : (skip_all => 'a sanitizer has to be loaded first');

my $server = WheelServer->new(processes => 1, threads => 6, config => '');
$server->configure(env => { LD_PRELOAD => $shim }, config => config(1));
$server->start or die "httpd didn't start:\n" . $server->error_log;
my ($said) = $server->error_log =~ /WH0032: .*?\((WheelOnStop .*?)\)/;
like $said, qr/\AWheelOnStop in line \d+ of \S+\z/,
    'a step that is left out has its line';
my $line = ($said =~ /(\d+)/)[0];
$server->configure(env => { LD_PRELOAD => $shim },
    config => "# one more line\n" . config(2));
$server->graceful;
ok wait_until { 2 <= (() = $server->error_log =~ /resuming normal/g) },
    'a restart with as many other pools of PHP-FPM' or diag $server->error_log;
($said) = $server->error_log =~ /.*WH0032: .*?\((WheelOnStop .*?)\)/s;
is(($said // '') =~ /line (\d+) of/ ? $1 : $said, $line + 1,
    'the step has its new line');
is $server->get('/')->body, "hello\n", 'the server goes on';

sub config {
    my ($network) = @_;
    return "WheelRequests on\nWheelOnStop refuse interrupt cut\n" . join '',
        map {"<Location \"/$_\">\nWheelFpmStatus fcgi://127.0.$network.$_:9/s\n</Location>\n"}
        1 .. POOLS;
}
