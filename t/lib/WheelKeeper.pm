# SPDX-License-Identifier: Apache-2.0
# Nothing outlives a test run: a process that waits for the one that made it to
# end, in whatever way (kill -9 too), then ends what runs in a directory and
# removes the directory.
package WheelKeeper;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use File::Path qw(remove_tree);
use File::Temp ();
use POSIX ();
use Time::HiRes qw(sleep time);

use WheelHttpd qw(slurp);

our @EXPORT_OK = qw(kept_dir release_dir end_server alive proc_stat);

# A server must be gone this long after TERM.
use constant STOP_SEC => 60;

# When it is dead already, its children, which may hear of no end.
use constant ORPHAN_SEC => 5;

# The fields of /proc/PID/stat from the third on, which follow the name; empty
# when there is no such process.
sub proc_stat {
    my ($pid, $tid) = @_;
    my $file = defined $tid ? "/proc/$pid/task/$tid/stat" : "/proc/$pid/stat";
    open my $in, '<', $file or return;
    my $line = <$in> // return;
    return split ' ', $line =~ s/.*\)\s//sr;
}

# A zombie is dead: whoever started it hasn't looked yet.
sub alive {
    my ($pid) = @_;
    my ($state) = proc_stat($pid);
    return defined $state && $state !~ /[ZX]/;
}

# All processes of a group; a server is in one of its own.
sub group_pids {
    my ($leader) = @_;
    opendir my $proc, '/proc' or die "/proc: $!\n";
    return grep { my @stat = proc_stat($_); @stat && $stat[2] == $leader }
        grep { /^\d+$/ } readdir $proc;
}

sub wait_gone {
    my ($limit, @pids) = @_;
    my $end = time + $limit;
    while (1) {
        @pids = grep { waitpid $_, POSIX::WNOHANG(); alive($_) } @pids;
        return 1 unless @pids;
        return 0 if time > $end;
        sleep 0.01;
    }
}

# End a server by TERM, or by force when that doesn't do; its children too,
# even when it is dead itself.  Returns whether TERM was enough.
sub end_server {
    my ($pid, $limit) = @_;
    $limit = ORPHAN_SEC unless alive($pid);
    $limit //= STOP_SEC;
    kill TERM => $pid;
    my $clean = wait_gone($limit, $pid);
    my @left = group_pids($pid);
    return $clean unless @left;
    $clean = 0 unless $clean && wait_gone($limit, @left);
    kill KILL => group_pids($pid);
    wait_gone(5, group_pids($pid));
    return $clean;
}

# What runs in a directory names it: servers and their children in their
# command line, the tests of t/run in their environment.
sub pids_below {
    my ($dir) = @_;
    opendir my $proc, '/proc' or die "/proc: $!\n";
    return grep {
        my $told = join ' ', map { eval { slurp($_) } // '' }
            "/proc/$_/cmdline", "/proc/$_/environ";
        $_ != $$ && index($told, "$dir/") >= 0;
    } grep { /^\d+$/ } readdir $proc;
}

sub end_all_below {
    my ($dir) = @_;
    for my $signal (qw(TERM KILL)) {
        my @pids = pids_below($dir) or return;
        kill $signal => @pids;
        wait_gone(3, @pids);
    }
    return;
}

my %keeper;

sub keep {
    my ($dir) = @_;
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        close $_ for $write, map { $_->{pipe} } values %keeper;
        %keeper = ();
        POSIX::setsid();
        $SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
        open $_->[0], $_->[1], '/dev/null'
            for [*STDIN, '<'], [*STDOUT, '>'], [*STDERR, '>'];
        sysread $read, my $end, 1;
        eval { end_all_below($dir) };
        remove_tree($dir, { safe => 0 });
        POSIX::_exit(0);
    }
    close $read;
    $keeper{$dir} = { pid => $pid, maker => $$, pipe => $write };
    return;
}

# A fresh directory that goes when this process does.  Readable for the user
# that httpd's children run as.
sub kept_dir {
    my $dir = File::Temp::tempdir('wheel-test-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir or die "$dir: $!\n";
    keep($dir);
    return $dir;
}

sub keeper_pids { map { $_->{pid} } values %keeper }

# Remove it now, and end what runs in it.
sub release_dir {
    my ($dir) = @_;
    my $keeper = delete $keeper{$dir};
    return unless $keeper && $keeper->{maker} == $$;
    close $keeper->{pipe};
    local $?;
    waitpid $keeper->{pid}, 0;
    return;
}

END {
    release_dir($_) for keys %keeper;
}

1;
