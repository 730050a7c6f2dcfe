# SPDX-License-Identifier: Apache-2.0
# Where a filter of system calls refuses sched_setscheduler(), wheels turn at
# normal priority, the log says so once, and every form of the status shows it.
#
# Under one MPM: it has no part in the thread in which a wheel turns.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(thread_policy wait_until);

# The number of the call, and what the filter knows the machine by.
my %known = (
    x86_64  => { audit => 0xc000_003e, setscheduler => 144, prctl => 157 },
    aarch64 => { audit => 0xc000_00b7, setscheduler => 119, prctl => 167 },
);
my ($machine) = split ' ', qx(uname -m);
my $call = $known{$machine};
plan tests => 7, need 'wheel', { "numbers of calls on $machine" => $call };

# EPERM for that call of this machine, anything else is allowed.
my @filter = (
    [0x20, 0, 0, 4],                               # load the machine
    [0x15, 0, 3, $call->{audit}],
    [0x20, 0, 0, 0],                               # load the number
    [0x15, 0, 1, $call->{setscheduler}],
    [0x06, 0, 0, 0x0005_0001],                     # EPERM
    [0x06, 0, 0, 0x7fff_0000],                     # allow
);
my $bytes = unpack 'H*', join '', map { pack 'SCCL', @$_ } @filter;
my $script = <<"END" =~ s/\n/ /gr;
my \$code = pack 'H*', '$bytes';
my \$program = pack 'Sx![P]P', @{[scalar @filter]}, \$code;
syscall($call->{prctl}, 38, 1, 0, 0, 0) == 0 or die;
syscall($call->{prctl}, 22, 2, \$program, 0, 0) == 0 or die;
exec \@ARGV;
END

my $server = WheelServer->started(within => [$^X, '-e', $script]);
my @wheels = $server->rotate(2);
my @seen;
ok wait_until {
    @seen = grep { defined $_->{scheduling} } $server->rotating;
    @seen == 2;
}, 'two wheels turn';
is_deeply [map { $_->{scheduling} } @seen], ['normal', 'normal'],
    'the status shows their class';
is_deeply [map { thread_policy(@{$_}{qw(pid thread)}) } @seen],
    ['normal', 'normal'], 'which is the one that the kernel has';
is scalar(() = $server->get('/wheel-status?auto')->body
        =~ /^WheelRunning:.* scheduling=normal /mg), 2, 'as text';
like $server->get('/wheel-status')->body, qr/>normal</, 'as HTML';
like $server->get('/wheel-status?openmetrics')->body,
    qr/^wheel_threads\{class="normal"\} 2$/m, 'as a metric';
$server->logs(qr/WH0027/);
my $told = () = $server->error_log =~ /WH0027/g;
is $told, 1, 'and the log says so once';
$server->end_wheels;
