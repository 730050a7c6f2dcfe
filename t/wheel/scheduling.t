# SPDX-License-Identifier: Apache-2.0
# The thread in which a wheel turns has the kernel's scheduling class that
# WheelScheduling names; the threads that serve requests keep theirs.
#
# Under one MPM: it has no part in the thread in which a wheel turns.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await thread_ids thread_policy wait_until);

my %class = (rotate => 'idle', idle => 'idle', batch => 'batch',
    normal => 'normal');
plan tests => 3 * keys %class, need_module 'wheel';

my $server = WheelServer->started(config => <<'END');
<Location /idle>
    SetHandler wheel-rotate
    WheelScheduling idle
</Location>
<Location /batch>
    SetHandler wheel-rotate
    WheelScheduling batch
</Location>
<Location /normal>
    SetHandler wheel-rotate
    WheelScheduling normal
</Location>
END

# What this process has is what httpd inherits.
my $own = thread_policy($$, $$);
for my $path (sort keys %class) {
    my @wheels = $server->rotate(2, "/$path");
    # A thread is listed an instant before it changes its class.
    my (@seen, $policies);
    wait_until {
        @seen     = grep { $_->{thread} } $server->rotating;
        $policies = join ' ',
            map { thread_policy(@{$_}{qw(pid thread)}) } @seen;
        $policies eq "$class{$path} $class{$path}";
    };
    is $policies, "$class{$path} $class{$path}",
        "/$path: its wheels turn in threads of class $class{$path}";
    my %wheel  = map { $_->{thread} => 1 } @seen;
    my %pid    = map { $_->{pid} => 1 } @seen;

    # The thread of a wheel that has ended may take a moment to be gone.
    my @others;
    wait_until {
        @others = grep { $_ ne $own } map {
            my $pid = $_;
            map { thread_policy($pid, $_) }
                grep { !$wheel{$_} } thread_ids($pid)
        } keys %pid;
        !@others;
    };
    is "@others", '', "/$path: all other threads are of class $own";
    $server->get('/stop?wait=20');
    is await(@wheels), 2, "/$path: they have their numbers";
}
