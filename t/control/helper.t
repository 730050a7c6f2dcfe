# SPDX-License-Identifier: Apache-2.0
# One helper process answers wheelctl: it is started again when it is killed,
# replaced by restarts, ends with the server, and no client is refused meanwhile.
# Children have no thread of it, and a server that needs none has no helper.

use strict;
use warnings FATAL => 'all';

use POSIX ();
use Time::HiRes qw(sleep time);
use WheelControl qw(control_config hear plain_connect say_and_hear wheelctl);
use WheelFaults qw(complaints kill_hard room_for time_to_end turn);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await child_pids cpu_seconds forked_pids freeze helper_pids
    supervisor_pids thread_ids wait_until);

plan tests => 30, need_module 'wheel';

# Nothing to do, no process.
my $bare = WheelServer->started(room_for(1));
is join(' ', forked_pids($bare->pid)), join(' ', child_pids($bare->pid)),
    'a server without WheelControl and WheelCluster has no helper';
my $threads = threads_of($bare);
$bare->stop;

my $server = WheelServer->started(room_for(1), config => control_config());
my $parent = $server->pid;
my @first  = ours();
is @first, 2, 'with WheelControl, it has a supervisor and a helper';
my $user = (getpwnam WheelHttpd::run_user())[2];
is join(' ', map { (stat "/proc/$_")[4] } @first),
    $> ? "$> $>" : "$user $user", 'which run as the user of the server';
is threads_of($server), $threads, 'and no child has a thread more';
my $used = cpu_seconds($first[1]);
sleep 1;
cmp_ok cpu_seconds($first[1]) - $used, '<', 0.2,
    'while nobody asks, the helper waits, and uses no CPU';

# Killed helpers: whoever comes meanwhile waits for the next one.
my ($longest, @answers) = (0);
for (1 .. 5) {
    my ($helper) = helper_pids($parent);
    my $began = time;
    kill KILL => $helper;
    push @answers, (say_and_hear($server, "list\n") // 'no') =~ /\A(\w+)/;
    $longest = time - $began if time - $began > $longest;
    wait_until { my ($now) = helper_pids($parent); ($now // $helper) != $helper };
}
is "@answers", '200 200 200 200 200',
    'after each death of the helper, the next client is answered';
diag sprintf 'at the latest %.0f ms after a kill', 1e3 * $longest;
is scalar(() = $server->error_log =~ /WH0072: .*signal 9/g), 5,
    'and the log tells of it';
my ($supervisor) = supervisor_pids($parent);
is $supervisor, $first[0], 'by the same supervisor';

# While none can be started, the log says so, once, and it is tried on.
my $limited = limit_processes($first[0], 1);
kill KILL => (helper_pids($parent))[0];
ok $server->logs(qr/WH0070: /), 'a helper that cannot be started is told';
limit_processes($first[0], $limited);
ok wait_until { helper_pids($parent) }, 'and it is started as soon as it can be';
is scalar(() = $server->error_log =~ /WH0070: /g), 1, 'of one line';

# A killed supervisor: its helper serves until the parent has others.
my ($helper) = helper_pids($parent);
kill KILL => $supervisor;
is +(wheelctl($server, 'list'))[0], 0, 'without a supervisor, the helper serves';
ok wait_until { ours() == 2 && !alive($helper) },
    'the parent starts both again, and the old helper ends';
is +(wheelctl($server, 'list'))[0], 0, 'the new one serves';
freeze($helper = (helper_pids($parent))[0]);
kill_hard($helper);
ok wait_until { helper_pids($parent) }, 'a helper that was held is replaced, too';

# Restarts: a stop that waits is answered by the old helper, and clients that
# come all the time by one or the other.
my ($wheel) = turn($server, 1);
my ($job)   = $server->rotating;
freeze($job->{pid});
my $waits = plain_connect($server);
syswrite $waits, "stop wait=2\n";
wait_until { (wheelctl($server, 'list'))[1] =~ /stopping/ };
my $old = join ' ', ours();
my $load = load();
renewed('USR1');
renewed('USR1');
like hear($waits), qr/\A200\n.*"running"/,
    'a stop that waits is answered over restarts';
kill CONT => $job->{pid};
await($wheel);
renewed('HUP');
renewed('USR1');
my ($good, $bad) = finish($load);
cmp_ok $good, '>', 4, 'clients come all the time';
is $bad, 0, 'and each has its answer';
ok wait_until { ours() == 2 && !grep { alive($_) } split / /, $old },
    'the old helpers end, and one is left';

# No longer wanted, and wanted again.
$server->configure(port => $server->port, config => '');
$server->graceful;
ok wait_until { !ours() }, 'without WheelControl, a restart ends it';
$server->configure(port => $server->port, config => control_config());
$server->graceful;
ok wait_until { ours() == 2 }, 'and with it, one starts it';

# Loaded no more, and loaded again.
$server->configure(port => $server->port, wheel => 0, addresses => 0,
    config => '');
$server->graceful;
ok wait_until { !ours() }, 'without the module, a restart ends it';
is +(wheelctl($server, 'list'))[0], 3, 'and nobody waits at its socket';
$server->configure(port => $server->port, wheel => 1, addresses => 1,
    config => control_config());
$server->graceful;
ok wait_until { ours() == 2 && !(wheelctl($server, 'list'))[0] },
    'and with it, one starts it';

# The end.
@first = ours();
ok defined time_to_end($server, 'TERM'), 'the server stops';
$server->stop;
is join(' ', grep { alive($_) } @first), '', 'its helper is gone before it';
is join("\n", complaints($server)), '', 'nobody complains';
ok $server->start, 'it starts again';
$parent = $server->pid;
@first  = ours();
kill_hard($parent);
ok wait_until { !grep { alive($_) } @first },
    'when the parent is killed, the helper ends';
is +(wheelctl($server, 'list'))[0], 3, 'and nobody answers';

# Set how many processes the user of a process may have at once, for what this
# one forks.  Returns how many that were.
sub limit_processes {
    my ($pid, $most) = @_;
    my ($uid, $gid) = (stat "/proc/$pid")[4, 5];
    my @limit = ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups',
        'prlimit', "--pid=$pid");
    splice @limit, 0, 4 if $>;
    my $was = qx(@limit --nproc --output=SOFT --noheadings);
    system(@limit, "--nproc=$most:") == 0 or die "prlimit failed\n";
    return $was =~ s/\s//gr;
}

# Supervisor and helper, in this order.
sub ours {
    my @pids = (supervisor_pids($parent), helper_pids($parent));
    return @pids;
}

# Restart, and return once others of ours are there.
sub renewed {
    my ($signal) = @_;
    # One that has just been forked has no name of its own yet.
    my $before = wait_until { (supervisor_pids($parent))[0] };
    $server->signal($signal);
    return wait_until { grep { $_ > 0 && $_ != $before } supervisor_pids($parent) };
}

# The most that a child has.
sub threads_of {
    my ($of) = @_;
    my ($most) = sort { $b <=> $a }
        map { scalar thread_ids($_) } child_pids($of->pid);
    return $most;
}

# Clients one after the other, until it is finished.
sub load {
    pipe my $read, my $write or die "pipe: $!\n";
    pipe my $until, my $hold or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        close $_ for $read, $hold;
        my %count = (good => 0, bad => 0);
        my $ends = '';
        vec($ends, fileno $until, 1) = 1;
        until (select my $ready = $ends, undef, undef, 0.005) {
            my $heard = eval { say_and_hear($server, "list\n") } // '';
            $count{ $heard =~ /\A200\n.*\}\n\z/s ? 'good' : 'bad' }++;
        }
        syswrite $write, "$count{good} $count{bad}\n";
        POSIX::_exit(0);
    }
    close $_ for $write, $until;
    return { pid => $pid, read => $read, hold => $hold };
}

sub finish {
    my ($load) = @_;
    close $load->{hold};
    my $line = readline $load->{read};
    waitpid $load->{pid}, 0;
    return split ' ', $line;
}
