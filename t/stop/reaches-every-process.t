# SPDX-License-Identifier: Apache-2.0
# Wheels turn in several processes at once, and one stop reaches all of them.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect cpu_seconds thread_ids wait_until);

plan tests => 7, need_module 'wheel';

# Threads of the idle class may get no CPU time for long where others want it.
my $processes = 3;
my $server    = WheelServer->started(processes => $processes, threads => 4,
    config => "WheelScheduling normal\n");

# A process without an idle thread refuses, another has room.
my (@wheels, %pid);
for (1 .. 100) {
    last if keys %pid == $processes;
    my $wheel = $server->begin(GET => '/rotate');
    wait_until { collect(0, $wheel) || $server->rotating > @wheels };
    push @wheels, $wheel unless $wheel->done;
    %pid = map { $_->{pid} => 1 } $server->rotating;
}
my @pids = sort keys %pid;
is @pids, $processes, "wheels turn in $processes processes";

my %child = map { $_ => 1 } $server->children;
is grep({ $child{$_} } @pids), $processes, 'each of them is a child of httpd';

my @turning = wait_until {
    my @known = grep { $_->{thread} } $server->rotating;
    @known == @wheels && \@known;
};
my @threads = @{ $turning[0] // [] };
my @found   = grep {
    my $wheel = $_;
    grep { $_ == $wheel->{thread} } thread_ids($wheel->{pid})
} @threads;
is @found, @wheels, 'each wheel has a thread of its own there';

ok wait_until { $processes == grep { cpu_seconds($_) > 0.02 } @pids },
    'each process uses CPU time';

is $server->get('/stop')->header('Wheel-Stopped'), @wheels,
    'one stop counts the wheels of all processes';
is await(@wheels), @wheels, 'and all of them are answered';
ok wait_until {
    my $before = cpu_seconds(@pids);
    select undef, undef, undef, 0.2;
    cpu_seconds(@pids) - $before < 0.05;
}, 'and their processes rest';
