# SPDX-License-Identifier: Apache-2.0
# A privileged process that is held while it examines a process of the server,
# and that no signal ends, is replaced after some seconds; its successor examines
# others, and not that process.  A tracer holds it here as the kernel may do.
#
# Under one MPM: it has no part in this.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(wait_until);
use WheelTracer qw(ptrace tracer tracing);

# The wait for a message ends, it is read, an alarm is set: that is three calls,
# with a stop before and one after each.  Then comes the process.
use constant STOPS => 12;

plan tests => 7, need_module 'wheel', tracing();

my $server = WheelServer->started(
    processes => 1, threads => 4,
    config    => user_modules('test_loop') . control_config() . <<'END');
WheelRequests on slow=50ms
WheelPrivileged cooldown where
<Location "/loop">
    SetHandler test-loop
</Location>
END
my $answer = $server->begin(GET => '/loop?sleep');
my $row    = listed($server, '/loop');
my ($before) = WheelTest::privileged_pids($server->pid);
my ($tracer, $told) = trace($before);
unlike asked(), qr/waits_for/, 'who asks has no answer from one that is held';
sysread $told, my $held, 1;
my $log = qr/WH0126: process $row->{pid} has held the privileged process/;
ok wait_until { $server->error_log =~ $log }, 'its parent sees that';
my $after = wait_until {
    (grep { $_ != $before } WheelTest::privileged_pids($server->pid))[0];
};
ok $after, 'and starts another';
like asked(), qr/its process has held who examined it before/,
    'which does not examine that process';
my ($cooled) = WheelControl::say_and_hear($server, "cool id=$row->{id}\n");
like $cooled, qr/cooled down/, 'but cools its threads down';
kill KILL => $tracer;
waitpid $tracer, 0;
ok wait_until { !kill 0 => $before }, 'the one before ends when it can';
is scalar(() = $server->error_log =~ /WH012[136]: /g), 1, 'and that is all';

sub asked {
    return (WheelControl::say_and_hear($server, "where id=$row->{id}\n"))[0];
}

# Hold a process once it has been sent a message.
sub trace {
    my ($pid) = @_;
    return tracer(sub {
        my ($tell) = @_;
        my $seized = ptrace(seize => $pid) && ptrace(interrupt => $pid);
        for my $stop (0 .. STOPS) {
            waitpid $pid, 0;
            $tell->($seized) if $stop % STOPS == 0;
            ptrace(syscall => $pid) if $stop < STOPS;
        }
    });
}
