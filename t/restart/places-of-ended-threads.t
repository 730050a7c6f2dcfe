# SPDX-License-Identifier: Apache-2.0
# A child of worker that stops gracefully may leave the places of its idle
# threads marked so that its parent takes none of them for free: while a wheel
# holds the child, no new one would start.  Then the wheel ends.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints resumed turn);
use WheelHttpd qw(checkout_dir spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(thread_ids wait_until);

my $shim = checkout_dir() . '/t/modules/.libs/held_listener_shim.so';
plan WheelServer::mpm() ne 'worker'
    ? (skip_all => 'only worker uses the places of single threads')
    : ($ENV{WHEEL_HTTPD} // '') =~ /asan/
    ? (skip_all => 'a sanitizer has to be loaded first')
    : (tests => 6, need_module 'wheel');

# MaxRequestWorkers allows one process, ServerLimit more.
my $server = WheelServer->new(processes => 1, threads => 6, spare => 6);
my $held   = $server->dir . '/held';
hold(0);
$server->configure(
    env => { LD_PRELOAD => $shim, HELD_LISTENER_FILE => $held });
$server->start or die "httpd didn't start:\n" . $server->error_log;

my ($child) = $server->children;
my @wheels  = turn($server, 1);
my $threads = thread_ids($child);
hold(1);
ok resumed($server, 'USR1'), 'the server restarts gracefully';
ok wait_until { thread_ids($child) == $threads - 5 },
    'the idle threads end before their listener';
hold(0);
ok wait_until {
    my $answer = $server->get('/stop', limit => 2);
    ($answer->status // 0) == 200;
}, 'a new process answers';
is_deeply answers_by(20, @wheels), { shutdown => 1 },
    'the wheel of the old process has its number';
is scalar(() = $server->error_log =~ /WH0013/g), 1, 'the log says so';
is_deeply [complaints($server)], [], 'the log has no complaint';

sub hold {
    my ($is_to) = @_;
    spew($held, $is_to);
    return;
}
