# SPDX-License-Identifier: Apache-2.0
# A child of worker that stops gracefully may leave the places of its idle
# threads marked so that its parent takes none of them for free: while a wheel
# holds the child, no new one would start.  Then the wheel ends.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints restarted turn);
use WheelHttpd qw(slurp);
use WheelPlan;
use WheelServer ();
use WheelTest qw(thread_ids thread_policy wait_until);

plan tests => 6, need_module 'wheel';

# One process is all that worker may have.
my $server = WheelServer->started(processes => 1, threads => 6, spare => 6);

# The last thread that a process has started listens.  At idle priority, it is
# held up by those that it tells to end, on the same processor, and they end
# before it says why.
my ($cpu) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\d+)/m;
my ($child)    = $server->children;
my ($listener) = sort { $b <=> $a } thread_ids($child);
my @wheels     = turn($server, 1);
command('taskset', '--all-tasks', '--pid', '--cpu-list', $cpu, $child);
command('chrt', '--idle', '--pid', 0, $listener);
is thread_policy($child, $listener), 'idle', 'the listener is held up';

ok restarted($server, 'USR1'), 'the server restarts gracefully';
my $answer;
ok wait_until {
    $answer = $server->get('/stop', limit => 2);
    ($answer->status // 0) == 200;
}, 'a new process answers';
my ($how) = %{ answers_by(20, @wheels) };
like $how, qr/\A(?:stop|shutdown)\z/,
    'the wheel of the old process has its number';
is $how eq 'shutdown' ? 1 : 0, scalar(() = $server->error_log =~ /WH0013/g),
    'the log says so if it ended for that';
is_deeply [complaints($server)], [], 'the log has no complaint';

sub command {
    my $said = qx(@_ 2>&1);
    $? == 0 or die "@_: $said\n";
    return;
}
