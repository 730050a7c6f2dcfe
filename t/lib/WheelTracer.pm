# SPDX-License-Identifier: Apache-2.0
# A process that traces another one by ptrace(), and so holds it.
package WheelTracer;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use POSIX ();

our @EXPORT_OK = qw(ptrace tracer tracing);

# As <sys/ptrace.h> has them.
my %request = (syscall => 24, seize => 0x4206, interrupt => 0x4207);

# A tracer that its test has left ends by itself.
use constant LIMIT_SEC => 300;

my $machine = (POSIX::uname())[4];
my $call    = { x86_64 => 101, aarch64 => 117 }->{$machine};

# What a plan needs.
sub tracing {
    return {
        'root alone may trace it'         => sub { $> == 0 },
        'the number of ptrace() is known' => sub { $call }
    };
}

# For a tracer: a request by its name.  Has it succeeded?
sub ptrace {
    my ($name, $pid) = @_;
    return syscall($call, $request{$name}, $pid + 0, 0, 0) == 0;
}

# Start a process that does this work and stays until it is killed.  The work is
# given a sub by which it tells yes or no: first, whether it traces.  Returns the
# pid, and a handle from which to read what it tells later.
sub tracer {
    my ($work) = @_;
    pipe my $in, my $out or die "$!\n";
    my $pid = fork // die "$!\n";
    if ($pid == 0) {
        alarm LIMIT_SEC;
        $work->(sub { syswrite $out, $_[0] ? '1' : '0' });
        sleep LIMIT_SEC;
        POSIX::_exit(0);
    }
    sysread $in, my $traces, 1;
    $traces or die "the process can't be traced\n";
    return ($pid, $in);
}

1;
