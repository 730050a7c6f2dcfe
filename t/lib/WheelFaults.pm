# SPDX-License-Identifier: Apache-2.0
# Servers that are restarted, stopped and killed: workers for so many wheels,
# how a server ends, and what its log says of it.
package WheelFaults;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use IO::Select ();
use Test::More ();
use Time::HiRes qw(sleep time);

use WheelHttpd qw(checkout_dir slurp spew);
use WheelKeeper qw(alive proc_stat);
use WheelServer ();
use WheelTest qw(await collect process_handle thread_ids wait_until);

# When a parent that ends is about to kill its children.
use constant KILLED_SEC => 8.5;

our @EXPORT_OK = qw(accepts answers_by complaints die_at ended_in_time
    kill_hard mortal_server parent_naps restarted resumed room_for settled stores_left
    time_to_end turn wheels_by_pid);

# Worker counts such that so many wheels fit into any one process, and an older
# generation beside a new one.
sub room_for {
    my ($wheels) = @_;
    my $workers = $wheels + 6;
    return (processes => $workers, threads => 1, spare => $workers)
        if WheelServer::mpm() eq 'prefork';
    return (processes => 2, threads => $workers, spare => 6);
}

# --- Wheels ------------------------------------------------------------------

# Start wheels and return once all turn; with a name, no other wheels are to
# have it.  A server that has just been restarted has few workers: who is
# refused comes again.
sub turn {
    my ($server, $count, $name) = @_;
    my $turning = sub {
        grep { !defined $name || ($_->{name} // '') eq $name }
            $server->rotating;
    };
    my $target = defined $name ? "/rotate/$name" : '/rotate';
    my ($before, $more) = (scalar $turning->(), 0);
    my @wheels;
    wait_until {
        push @wheels, map { $server->begin(GET => $target) }
            @wheels + 1 .. $count;
        wait_until {
            $more = $turning->() - $before;
            $more + collect(0, @wheels) >= @wheels;
        };
        sleep 0.1 if $more < $count;
        @wheels = grep { !$_->done } @wheels;
        $more == $count;
    } or die "of $count wheels, $more turn\n";
    return @wheels;
}

# The wheels that turn, by the process that they turn in.
sub wheels_by_pid {
    my ($server) = @_;
    my %by_pid;
    push @{ $by_pid{ $_->{pid} } }, $_ for $server->rotating;
    return \%by_pid;
}

# How many of these answers tell of a number and how their wheel was stopped,
# by that word; the others are under "none".
sub answers_by {
    my (@wheels) = @_;
    await(@wheels);
    my %by;
    for my $wheel (@wheels) {
        my $answered = ($wheel->status // 0) == 200
            && ($wheel->body // '') =~ /\A"Your lucky number is \d!"\z/;
        $by{ $answered ? $wheel->header('Wheel-Stopped-By') : 'none' }++;
    }
    return \%by;
}

# --- Deaths at a store -------------------------------------------------------

# A server with the module that `make faults` builds, where the process that
# comes to the Nth store into the table dies, unless it is the parent.
#   configure  more directives, given the server
sub mortal_server {
    my (%want) = @_;
    local $ENV{WHEEL_MODULE} = $ENV{WHEEL_FAULTS_MODULE}
        // checkout_dir() . '/mod_wheel/.libs-faults/mod_wheel.so';
    -e $ENV{WHEEL_MODULE}
        or die "$ENV{WHEEL_MODULE} is missing: run make faults first\n";
    my $configure = delete $want{configure};
    my $server    = WheelServer->new(%want);
    $server->configure(config => $configure->($server)) if $configure;
    my $file   = $server->{env}{WHEEL_FAULT_FILE} = $server->dir . '/countdown';
    spew($file, pack 'i', 0);
    chmod 0666, $file or die "$file: $!\n";
    $server->start or die "httpd didn't start:\n" . $server->error_log;
    return $server;
}

# From now on, so many stores to the death; 0 for none.  Processes have the file
# mapped: write it in place.
sub die_at {
    my ($server, $store) = @_;
    open my $out, '+<', $server->{env}{WHEEL_FAULT_FILE} or die "$!\n";
    syswrite $out, pack 'i', $store;
    close $out;
    return;
}

# How many are left.  Nobody has died while there are some.
sub stores_left {
    my ($server) = @_;
    return unpack 'i', $server->file_text('countdown');
}

# --- Ends --------------------------------------------------------------------

# Send a signal that makes the server restart, and return once it has: before
# that, it would lose another signal.  Clients read and hang up before.
sub resumed {
    my ($server, $signal, @answers) = @_;
    settled($server, @answers);
    my $ready  = qr/resuming normal operations/;
    my $before = () = $server->error_log =~ /$ready/g;
    $server->signal($signal);
    my $resumed = wait_until {
        $before < (() = $server->error_log =~ /$ready/g);
    };
    Test::More::diag("after $signal, no restart") unless $resumed;
    return $resumed;
}

# The same, and return once no old process takes connections, either: whoever
# asks for a wheel might get one there.
sub restarted {
    my ($server, $signal, @answers) = @_;
    my @old = $server->children;
    return resumed($server, $signal, @answers) && none_accept($server, @old);
}

# Wait until none of these processes takes connections any more, but for those
# that are held.  A child of prefork that was about to begin has missed the
# restart and goes after its next request.
sub none_accept {
    my ($server, @pids) = @_;
    my $none = wait_until {
        @pids = grep {
            ((proc_stat($_))[0] // 'X') !~ /[TZX]/ && accepts($server, $_)
        } @pids;
        $server->get('/index.html', limit => 1)
            if @pids && $server->mpm eq 'prefork';
        !@pids;
    };
    Test::More::diag("old processes still accept: @pids") unless $none;
    return $none;
}

# Wait until no connection of a server is being closed: a child of event that is
# told to end at once touches the connections of its workers, also one that its
# worker has just freed, and may die of it, with or without this module.
sub settled {
    my ($server, @answers) = @_;
    my $port = sprintf '%04X', $server->port;
    my $open = qr/01|06|0A/; # established, waited for long enough, listening
    return wait_until {
        collect(0, @answers);
        slurp('/proc/net/tcp')
            !~ /^\s*\d+: (?:\w+:$port \w+:\w+|\w+:\w+ \w+:$port) (?!$open)/m;
    } 5;
}

# Kill processes that can't help it, and return once all their threads are gone:
# the last to die may still take a connection along.  Whoever reads /proc of the
# threads makes the parent spin in the kernel when it waits for the process, for
# as long as the last thread, of the idle class, gets no CPU beside other load.
sub kill_hard {
    my (@pids) = @_;
    my @held = grep {defined} map { process_handle($_) } @pids;
    kill KILL => @pids;
    my $dying = IO::Select->new(@held);
    return wait_until {
        $dying->remove($dying->can_read(0));
        !$dying->count;
    };
}

# Seconds from a signal until the parent and all of its children are gone;
# undef if they stay.  Clients read and hang up meanwhile.
sub time_to_end {
    my ($server, $signal, @wheels) = @_;
    my @pids = ($server->pid, $server->children);
    settled($server, @wheels);
    my $begin = time;
    $server->signal($signal);
    my $gone = wait_until {
        collect(0, @wheels);
        $server->up;
        my @left = grep { alive($_) } @pids;
        my $took = time - $begin;
        if ($took < KILLED_SEC) {
            my $soon = $took > KILLED_SEC - 1;
            $server->{late} = [grep { !$soon || !starves($_) } @left];
        }
        !@left;
    };
    return $gone ? time - $begin : undef;
}

# Does a process only wait for CPU time, in one of its threads?
sub starves {
    my ($pid) = @_;
    return grep { ((proc_stat($pid, $_))[0] // '') eq 'R' } thread_ids($pid);
}

# The same, as a test: its parent kills children that are still there after nine
# seconds and says so.  How soon they have ended, t/bench/run measures.
sub ended_in_time {
    my ($server, $signal, $what, @wheels) = @_;
    my $took = time_to_end($server, $signal, @wheels);
    Test::More::diag(sprintf '%s: gone %.2f s after %s',
        $what, $took // -1, $signal);
    return Test::More::ok(
        defined $took && !grep({/SIGKILL/} complaints($server)),
        "$what: the server ends by itself");
}

# Does this process still accept connections?  One that is to end after its
# requests doesn't.
sub accepts {
    my ($server, $pid) = @_;
    my $port = sprintf '%04X', $server->port;
    my ($inode) = slurp('/proc/net/tcp')
        =~ /^\s*\d+: \w+:$port \w+:0000 0A (?:\S+\s+){5}(\d+)/m or return 0;
    return scalar grep { (readlink($_) // '') eq "socket:[$inode]" }
        glob "/proc/$pid/fd/*";
}

# How often the parent has gone to sleep.  It does so once a second, and looks
# then who has ended or stopped: a child that it has seen to be stopped is not
# taken for dead.
sub parent_naps {
    my ($server) = @_;
    my ($naps) = slurp('/proc/' . $server->pid . '/status')
        =~ /^voluntary_ctxt_switches:\s*(\d+)/m;
    return $naps;
}

# Lines of the error log that no server may leave, whatever was done to it.
# (A process that has ended is there until its threads of the idle class have got
# some CPU, and its parent may send it SIGKILL meanwhile; so may it one that waits
# for CPU time beside much load.)
sub complaints {
    my ($server) = @_;
    my $late = join '|', @{ $server->{late} // [] }, 'none';
    return grep {
        /exit signal (?!Killed)|Sanitizer:|runtime error:/
            || /process (\d+) still did not exit, sending a SIGKILL/
            && (!$server->{late} || $1 =~ /\A(?:$late)\z/)
    } split /\n/, $server->error_log;
}

1;
