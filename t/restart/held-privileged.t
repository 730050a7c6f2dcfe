# SPDX-License-Identifier: Apache-2.0
# A privileged process that can't end, since the kernel or a debugger holds it,
# keeps the parent neither from a restart nor from its end.
#
# Under one MPM: it has no part in this.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);
use WheelTracer qw(ptrace tracer tracing);

plan tests => 4, need_module 'wheel', tracing();

my $server = WheelServer->started(
    processes => 1, threads => 4,
    config => "WheelRequests on\nWheelPrivileged where\n");
my ($before) = WheelTest::privileged_pids($server->pid);
my @tracers = hold($before);
$server->graceful;
my $after = wait_until {
    (grep { $_ != $before } WheelTest::privileged_pids($server->pid))[0];
};
ok $after, 'a restart replaces a privileged process that is held';
is $server->get('/')->status, 200, 'and the server serves';
push @tracers, hold($after);
kill TERM => $server->pid;
ok wait_until { !$server->up }, 'nor does one keep the server from its end';
kill KILL => @tracers;
is +(grep { waitpid($_, 0) == $_ } @tracers), 2, 'both were held until then';

# A zombie stays until its tracer has waited for it.
sub hold {
    my ($pid) = @_;
    my ($tracer) = tracer(sub { $_[0]->(ptrace(seize => $pid)) });
    return $tracer;
}
