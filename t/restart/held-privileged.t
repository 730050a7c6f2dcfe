# SPDX-License-Identifier: Apache-2.0
# A privileged process that can't end, since the kernel or a debugger holds it,
# keeps the parent neither from a restart nor from its end.
#
# Under one MPM: it has no part in this.

use strict;
use warnings FATAL => 'all';

use POSIX ();
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

use constant PTRACE_SEIZE => 0x4206;

my $machine = (POSIX::uname())[4];
my $ptrace  = { x86_64 => 101, aarch64 => 117 }->{$machine};
plan tests => 4, need_module 'wheel',
    { 'root alone may trace it' => sub { $> == 0 },
      'the number of ptrace() is known' => sub { $ptrace } };

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
    pipe my $in, my $out or die "$!\n";
    my $tracer = fork // die "$!\n";
    if ($tracer == 0) {
        alarm 300;
        my $rv = syscall $ptrace, PTRACE_SEIZE, $pid + 0, 0, 0;
        syswrite $out, $rv == 0 ? '1' : '0';
        sleep 300;
        POSIX::_exit(0);
    }
    sysread $in, my $held, 1;
    $held or die "process $pid can't be traced\n";
    return $tracer;
}
