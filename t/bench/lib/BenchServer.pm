# SPDX-License-Identifier: Apache-2.0
# The servers that are measured: ours under each MPM, and what one would run
# otherwise.  All serve /rotate, /stop and a small file, none writes an access
# log, and each ends with the benchmark, whatever becomes of that.
package BenchServer;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);

use Cwd qw(realpath);
use File::Basename qw(dirname);
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(sleep time);

use WheelHttpd qw(checkout_dir free_port slurp spew);
use WheelKeeper qw(end_server kept_dir proc_stat release_dir);
use WheelServer ();
use WheelTest qw(wait_until);

our @EXPORT_OK = qw(client);

use constant START_SEC => 30;

# Children of worker and event.  Each has threads for all wheels: which of them
# gets how many is up to the kernel.
use constant PROCESSES => 2;

my $bench = realpath(dirname(__FILE__) . '/..');

# All that can be measured here: a name for each, and how it is started.
sub kinds {
    my %peer = (
        'gunicorn, 1 worker'  => sub { gunicorn(1) },
        'gunicorn, 4 workers' => sub { gunicorn(4) },
        'Go net/http'         => \&go,
    );
    my @ours = map {
        my $mpm = $_;
        { name => "mod_wheel, $mpm", ours => 1, start => sub { ours($mpm, @_) } };
    } qw(event worker prefork);
    my @peers = map { { name => $_, start => $peer{$_} } }
        grep { /^Go/ ? -x program('wheel-go') : has_gunicorn() }
        sort { lc $b cmp lc $a } keys %peer;
    return (@ours, reverse @peers);
}

sub program { "$bench/.build/$_[0]" }

# Debian's, for Debian's Python: another one in the PATH has no FastAPI.
sub has_gunicorn {
    return system(q{/usr/bin/python3 -c 'import fastapi, uvicorn' 2>/dev/null})
        == 0 && -x '/usr/bin/gunicorn';
}

# --- The client ---------------------------------------------------------------

# Start it beside a server, with these options; its output can be read once it
# has ended.
sub start_client {
    my ($server, %ask) = @_;
    my @paths = @{ delete $ask{paths} // [] };
    $ask{port} = $server->port;
    $ask{started} = $server->started if $server->started;
    my @command = (
        program('client'), (map {"--$_=$ask{$_}"} sort keys %ask),
        map {"--path=$_"} @paths,
    );
    open my $out, '-|', @command or die "$command[0]: $!\n";
    return $out;
}

# What it has measured: series by name.
sub end_client {
    my ($out) = @_;
    my %series;
    while (my $line = <$out>) {
        my ($name, @values) = split ' ', $line;
        $series{$name} = \@values;
    }
    close $out or die "the client failed\n";
    return \%series;
}

sub client { return end_client(start_client(@_)) }

# --- Ours ---------------------------------------------------------------------

# With workers for so many wheels and some more from the start.  What else:
#   module => 0    without mod_wheel
#   config         appended
#   ready          idle workers that show that it is up: all, if not given
sub ours {
    my ($mpm, %want) = @_;
    my $workers = ($want{wheels} // 500) + 60;
    my $empty   = program('mod_bench_empty.so');
    my $config  = <<"END" . ($want{config} // '');
ListenBacklog 4096
LoadModule bench_empty_module "$empty"
<Location "/empty">
    SetHandler bench-empty
</Location>
END
    my $server = WheelServer->started(
        mpm       => $mpm,
        processes => $mpm eq 'prefork' ? $workers : PROCESSES,
        threads   => $mpm eq 'prefork' ? 1        : $workers,
        spare     => 1,
        ready     => $want{ready},
        addresses => $want{module} // 1, wheel => $want{module} // 1,
        config    => $config,
    );
    spew($server->dir . '/htdocs/hello.txt', "hello\n");
    return bless { server => $server, ours => 1, port => $server->port };
}

# --- The others ---------------------------------------------------------------

# Make a directory with a small file and what the client looks at to see how
# many wheels turn, start a command there, and wait until it answers.
sub peer {
    my ($command, %environment) = @_;
    my $dir  = kept_dir();
    my $port = free_port();
    mkdir "$dir/htdocs" or die "$dir/htdocs: $!\n";
    spew("$dir/htdocs/hello.txt", "hello\n");
    spew("$dir/started",           '');
    my @command = $command->("127.0.0.1:$port", "$dir/htdocs", "$dir/started");
    my $pid     = fork // die "fork: $!\n";
    if ($pid == 0) {
        POSIX::setsid();
        chdir $dir;
        %ENV = (%ENV, %environment, WHEEL_HTDOCS => "$dir/htdocs",
            WHEEL_STARTED => "$dir/started");
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/output";
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    my $self = bless { pid => $pid, dir => $dir, port => $port,
        started => "$dir/started" };
    wait_until {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    } START_SEC or die "@command didn't start:\n" . slurp("$dir/output");
    $self->settle;
    return $self;
}

sub gunicorn {
    my ($workers) = @_;
    return peer(sub {
        my ($address) = @_;
        return ('/usr/bin/gunicorn', '--bind', $address, '--workers', $workers,
            '--worker-class', 'uvicorn.workers.UvicornWorker',
            # It would kill workers that are too busy to say that they live.
            '--timeout', 0, '--chdir', "$bench/peers", 'wheel:app');
    }, PYTHONDONTWRITEBYTECODE => 1);
}

sub go { peer(sub { (program('wheel-go'), @_) }) }

# All processes have loaded their program once each has been asked.
sub settle {
    my ($self) = @_;
    for (1 .. 30) {
        my $socket = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $self->{port}) or next;
        syswrite $socket, "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n"
            . "Connection: close\r\n\r\n";
        sysread $socket, my $answer, 4096;
    }
    sleep 1;
    return;
}

# --- Both ---------------------------------------------------------------------

sub port    { $_[0]{port} }
sub started { $_[0]{started} }
sub server  { $_[0]{server} }
sub pid     { $_[0]{pid} // $_[0]{server}->pid }

# Every process of the server.
sub pids { return tree_of($_[0]->pid) }

# A process and all that it has started, and these, and so on.
sub tree_of {
    my @pids = @_;
    my %children;
    opendir my $proc, '/proc' or die "/proc: $!\n";
    for my $pid (grep { /^\d+$/ } readdir $proc) {
        my @stat = proc_stat($pid);
        push @{ $children{ $stat[1] } }, $pid if @stat;
    }
    my @all;
    while (defined(my $pid = shift @pids)) {
        push @all,  $pid;
        push @pids, @{ $children{$pid} // [] };
    }
    return @all;
}

# Bytes that the server takes: its share of pages, page tables and the stacks
# that the kernel keeps for its threads.
sub bytes {
    my ($self) = @_;
    return memory_of($self->pids);
}

sub memory_of {
    my @pids = @_;
    my ($stacks) = slurp('/proc/meminfo') =~ /^KernelStack:\s+(\d+)/m;
    my ($tasks)  = slurp('/proc/loadavg') =~ m{/(\d+)};
    my $kilobytes = 0;
    for my $pid (@pids) {
        my $rollup = eval { slurp("/proc/$pid/smaps_rollup") } // next;
        my $status = eval { slurp("/proc/$pid/status") }       // next;
        my ($pss)     = $rollup =~ /^Pss:\s+(\d+)/m;
        my ($tables)  = $status =~ /^VmPTE:\s+(\d+)/m;
        my ($threads) = $status =~ /^Threads:\s+(\d+)/m;
        $kilobytes += ($pss // 0) + ($tables // 0)
            + ($threads // 0) * $stacks / $tasks;
    }
    return 1024 * $kilobytes;
}

# --- A limit for the server ---------------------------------------------------

# Where the kernel takes limits of control groups, of either version; as they
# are named and written there, with one core as the value.
my @limits = (
    ['/sys/fs/cgroup',     'cpu.max',         '100000 100000'],
    ['/sys/fs/cgroup/cpu', 'cpu.cfs_quota_us', '100000'],
);

# Put processes into a group of their own that gets one core, and return it;
# undef where that can't be done.
sub limit_cpu {
    my @pids = @_;
    for (@limits) {
        my ($root, $file, $value) = @$_;
        my $group = "$root/mod_wheel-bench-$$";
        mkdir $group or next;
        my $done = eval {
            spew("$group/$file",        $value);
            spew("$group/cgroup.procs", $_) for @pids;
            1;
        };
        return $group if $done;
        unlimit_cpu($group);
    }
    return;
}

# Children may fork meanwhile, and what moves takes a moment.
sub unlimit_cpu {
    my ($group) = @_;
    my ($root) = $group =~ m{(.*)/};
    wait_until {
        for my $pid (split /\n/, slurp("$group/cgroup.procs")) {
            eval { spew("$root/cgroup.procs", $pid) };
        }
        rmdir $group;
    };
    return;
}

# ------------------------------------------------------------------------------

# At once: a stuck one would not go by itself.
sub stop {
    my ($self) = @_;
    if ($self->{server}) {
        $self->{server}->finish;
        return;
    }
    end_server(delete $self->{pid}, 0.5);
    release_dir($self->{dir});
    return;
}

1;
