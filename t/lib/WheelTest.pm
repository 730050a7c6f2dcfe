# SPDX-License-Identifier: Apache-2.0
# A server as its clients and its machine see it: many requests at once, and
# what /proc says of its processes.
package WheelTest;

use strict;
use warnings FATAL => 'all';

use Errno ();
use Exporter qw(import);
use IO::Poll qw(POLLIN POLLHUP POLLERR);
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use WheelHttpd qw(slurp);
use WheelKeeper qw(alive proc_stat);

our @EXPORT_OK = qw(wait_until soonest await collect ends core_count cpu_seconds
    child_pids forked_pids supervisor_pids helper_pids freeze thread_ids
    thread_policy thread_ready_seconds thread_seconds open_connection
    process_handle read_answers);

# Long enough for a machine that does something else, too; what never comes
# fails after it.
use constant LIMIT_SEC => 60;

# How often soonest() tries.
use constant TRIES => 10;

# Poll until the condition is true, and return what it said.  What never comes is
# told: not every test looks whether it has.
sub wait_until (&;$) {
    my ($condition, $limit) = @_;
    my $end = time + ($limit // LIMIT_SEC);
    while (1) {
        my $seen = $condition->();
        return $seen if $seen;
        last if time > $end;
        sleep 0.02;
    }
    my ($n, @at) = (0);
    @at = caller $n++ until @at && $at[1] =~ /\.t\z/ || !caller $n;
    print STDERR "# waited in vain: $at[1], line $at[2]\n";
    return;
}

# Do something that is to take less than so many seconds, again if it took
# longer, and return the least of these times.  A machine that does something
# else makes one of them long, a fault makes each.  What has not come at all
# won't come again.
sub soonest (&$) {
    my ($take, $limit) = @_;
    my $least;
    for (1 .. TRIES) {
        my $took = $take->();
        $least = $took if !defined $least || $took < $least;
        last if $least < $limit || $took >= LIMIT_SEC;
    }
    return $least;
}

# --- Processes --------------------------------------------------------------

# All processes that this one has started.
sub forked_pids {
    my ($parent) = @_;
    opendir my $proc, '/proc' or die "/proc: $!\n";
    return sort { $a <=> $b }
        grep { my @stat = proc_stat($_); @stat && $stat[1] == $parent }
        grep { /^\d+$/ } readdir $proc;
}

# What ps calls a process, and what its supervisor and helper are called.
sub process_name {
    my ($pid) = @_;
    return (eval { slurp("/proc/$pid/comm") } // '') =~ s/\n\z//r;
}

use constant {
    SUPERVISOR => 'wheel-supervise', HELPER => 'wheel-helper',
    PRIVILEGED => 'wheel-privilege'
};

# Those of a server that take requests.
sub child_pids {
    my %other = map { $_ => 1 } SUPERVISOR, PRIVILEGED;
    return grep { !$other{ process_name($_) } } forked_pids(@_);
}

sub privileged_pids {
    return grep { process_name($_) eq PRIVILEGED } forked_pids(@_);
}

# The supervisors of a server, and the helpers of these.
sub supervisor_pids {
    return grep { process_name($_) eq SUPERVISOR } forked_pids(@_);
}

sub helper_pids {
    return grep { process_name($_) eq HELPER }
        map { forked_pids($_) } supervisor_pids(@_);
}

# Cores that this process, and so a server it starts, may run on.
sub core_count { return qx(nproc) + 0 }

my $ticks_per_sec = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# CPU seconds that these processes have used, threads that have ended included.
sub cpu_seconds {
    my $ticks = 0;
    for my $pid (@_) {
        my @stat = proc_stat($pid) or next;
        $ticks += $stat[11] + $stat[12];
    }
    return $ticks / $ticks_per_sec;
}

# CPU seconds of one thread, to the nanosecond.
sub thread_seconds { return (sched_seconds(@_))[0] }

# The same, and the seconds for which it waited for a core.
sub thread_ready_seconds {
    my ($used, $waited) = sched_seconds(@_);
    return $used + $waited;
}

sub sched_seconds {
    my ($pid, $tid) = @_;
    my $file = "/proc/$pid/task/@{[$tid // 0]}/schedstat";
    my @nsec = -e $file ? slurp($file) =~ /(\d+)/g : ();
    return map { ($_ // 0) / 1e9 } @nsec[0, 1];
}

sub thread_ids {
    my ($pid) = @_;
    opendir my $task, "/proc/$pid/task" or return;
    return grep { /^\d+$/ } readdir $task;
}

# Hold processes, and return once each of their threads is held: until then,
# they may still take a client or see a stop.  Those of the idle class, which
# may get no CPU to be seen held, do nothing more either.
sub freeze {
    my (@pids) = @_;
    kill STOP => @pids;
    return wait_until { !grep { goes_on($_) } @pids };
}

sub goes_on {
    my ($pid) = @_;
    return grep {
        my $state = (proc_stat($pid, $_))[0] // 'X';
        $state !~ /[TZX]/ && (thread_policy($pid, $_) // '') ne 'idle'
    } thread_ids($pid);
}

# As <sys/syscall.h> has it, on all architectures.
use constant PIDFD_OPEN => 434;

# Readable once all threads of a process are gone; undef if it is gone already.
# syscall() takes a text of digits for the address of a text.
sub process_handle {
    my ($pid) = @_;
    my $fd = syscall PIDFD_OPEN, 0 + $pid, 0;
    return if $fd < 0 && $!{ESRCH};
    die "pidfd_open of $pid: $!\n" if $fd < 0;
    open my $handle, '<&=', $fd or die "pidfd of $pid: $!\n";
    return $handle;
}

# How the kernel schedules a thread: normal, batch, idle, or a number.
sub thread_policy {
    my ($pid, $tid) = @_;
    my @stat = proc_stat($pid, $tid) or return;
    my %name = (0 => 'normal', 3 => 'batch', 5 => 'idle');
    return $name{$stat[38]} // $stat[38];
}

# --- A server ---------------------------------------------------------------

sub new {
    my ($class, %given) = @_;
    return bless {%given}, $class;
}

# The server that Apache::Test started for all tests, without wheels.
sub shared {
    my ($class) = @_;
    defined $ENV{WHEEL_PORT}
        or die "tests need their server: run t/run $0\n";
    my $self = $class->new(port => $ENV{WHEEL_PORT},
        pid => $ENV{WHEEL_SERVER_PID});
    $self->end_wheels;
    return $self;
}

sub port { $_[0]{port} }
sub pid  { $_[0]{pid} }

sub children { child_pids($_[0]->pid) }

sub connect_to {
    my ($self) = @_;
    return open_connection($self->port, $self->{address});
}

sub open_connection {
    my ($port, $address) = @_;
    $address //= '127.0.0.1';
    my $socket = IO::Socket::INET->new(
        PeerAddr => $address, PeerPort => $port,
        Proto => 'tcp', Timeout => LIMIT_SEC
    ) or die "$address:$port: $@\n";
    $socket->blocking(0);
    return $socket;
}

# Send a request and return at once; await() brings its answer.
#   headers: a list of names and values     body: a string
sub begin {
    my ($self, $method, $target, %opt) = @_;
    my @header = (Connection => 'close', @{ $opt{headers} // [] });
    unshift @header, Host => '127.0.0.1:' . $self->port
        unless grep { $_ eq 'Host' } @header;
    push @header, 'Content-Length' => length $opt{body}
        if defined $opt{body};
    my $head = "$method $target HTTP/1.1\r\n";
    while (my ($name, $value) = splice @header, 0, 2) {
        $head .= "$name: $value\r\n";
    }
    my $answer = WheelTest::Answer->new($self->connect_to, $method);
    send_all($answer->socket, "$head\r\n" . ($opt{body} // ''));
    return $answer;
}

sub send_all {
    my ($socket, $bytes) = @_;
    my $end = time + LIMIT_SEC;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $n = syswrite $socket, $bytes;
        if (defined $n) {
            substr $bytes, 0, $n, '';
        }
        elsif (!$!{EAGAIN} || time > $end) {
            return 0;
        }
        else {
            sleep 0.001;
        }
    }
    return 1;
}

# Wait until all of these are answered.  Returns how many are.
sub await { return collect(LIMIT_SEC, @_) }

# Read until all of these are answered or the time is over.  Returns how many
# are; each knows by done() whether it is.
sub collect {
    my ($limit, @answers) = @_;
    my $end  = time + $limit;
    my $poll = IO::Poll->new;
    my %open;
    for my $answer (grep { !$_->done } @answers) {
        $open{ fileno $answer->socket } = $answer;
        $poll->mask($answer->socket => POLLIN);
    }
    while (%open) {
        my $left = $end - time;
        if ($poll->poll($left > 0 ? $left : 0) < 1) {
            last if $left <= 0;
            next;
        }
        for my $socket ($poll->handles(POLLIN | POLLHUP | POLLERR)) {
            my $answer = $open{ fileno $socket };
            $answer->read_some;
            next unless $answer->done;
            $poll->remove($socket);
            delete $open{ fileno $socket };
            $answer->hang_up;
        }
    }
    return scalar grep { $_->done } @answers;
}

# Does a connection end?  What still comes goes to a variable, if one is given.
sub ends {
    my ($socket, $more) = @_;
    my $bytes = '';
    $socket->blocking(0);
    my $ended = wait_until {
        my $n = sysread $socket, $bytes, 65536, length $bytes;
        defined $n ? $n == 0 : !$!{EAGAIN};
    };
    $$more = $bytes if $more;
    return $ended;
}

# A request and its answer.
sub request {
    my ($self, $method, $target, %opt) = @_;
    my $answer = $self->begin($method, $target, %opt);
    collect($opt{limit} // LIMIT_SEC, $answer);
    return $answer;
}

sub get  { my $self = shift; return $self->request(GET  => @_) }
sub post { my $self = shift; return $self->request(POST => @_) }

# Read N answers from one connection, in order.  Fewer when it ends.
sub read_answers {
    my ($socket, @methods) = @_;
    my ($bytes, @answers) = ('');
    for my $method (@methods) {
        my $answer = WheelTest::Answer->new($socket, $method);
        $answer->{bytes} = $bytes;
        $answer->parse;
        await($answer) unless $answer->done;
        last unless $answer->{status};
        $bytes = $answer->{bytes};
        push @answers, $answer;
    }
    return @answers;
}

# --- Wheels -----------------------------------------------------------------

# Where all its threads are busy for a moment, event also closes connections
# whose request it has not read: ask again then, as any client does.
sub status {
    my ($self) = @_;
    my $answer;
    for (1 .. 3) {
        $answer = $self->get('/wheel-status?json');
        last if $answer->status;
    }
    return $answer->json if ($answer->status // 0) == 200;
    die 'wheel-status: ' . ($answer->{status_line} // 'no answer') . "\n";
}

sub running { @{ $_[0]->status->{running} } }

# Those that turn and that no stop has reached.
sub rotating { grep { $_->{state} eq 'rotating' } $_[0]->running }

sub wait_rotating {
    my ($self, $count, $limit) = @_;
    return wait_until { $self->rotating == $count } $limit;
}

# Start wheels and return once all turn.  A process without an idle thread
# refuses what another has room for: such a wheel is asked for again.
sub rotate {
    my ($self, $count, $target) = @_;
    my $before = $self->rotating;
    my (@answers, $last);
    my $turn = wait_until {
        push @answers, map { $self->begin(GET => $target // '/rotate') }
            @answers + 1 .. $count;
        return 1 if $self->rotating == $before + $count;
        my @refused
            = grep { collect(0, $_) && ($_->status // 0) == 503 } @answers;
        $last    = $refused[0] // $last;
        @answers = grep { my $answer = $_; !grep { $_ == $answer } @refused }
            @answers;
        return;
    };
    return @answers if $turn;
    die "of $count wheels, only " . ($self->rotating - $before) . " rotate\n"
        . join '', map { "  $_->{status_line}: $_->{body}\n" }
        grep { defined && collect(0, $_) } $last, @answers;
}

# Turn wheels for no time, one behind the other.  They are refused while the
# threads of many that have ended wait for the CPU.
sub rotate_briefly {
    my ($self, @names) = @_;
    for my $name (@names) {
        wait_until { $self->get("/rotate/$name?wait=0")->status == 200 }
            or die "the wheel $name is refused\n";
    }
    return;
}

# For the end of a test: no wheel is left, whatever went wrong.
sub end_wheels {
    my ($self) = @_;
    $self->post('/stop');
    return wait_until { !$self->running };
}

# --- One answer -------------------------------------------------------------

package WheelTest::Answer;

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);

sub new {
    my ($class, $socket, $method) = @_;
    return bless {
        socket => $socket, method => $method, bytes => '', began => time,
    }, $class;
}

sub socket { $_[0]{socket} }
sub done   { $_[0]{done} }
sub status { $_[0]{status} }
sub body   { $_[0]{body} }

# Seconds from request to answer.
sub seconds { $_[0]{ended} - $_[0]{began} }

# Times out of the way: a header's value, undef if there is none, all of them
# joined by commas if there are several.
sub header { $_[0]{headers}{ lc $_[1] } }

# The names of headers that occur more than once.
sub headers_twice { @{ $_[0]{twice} // [] } }

sub json { JSON::PP::decode_json($_[0]->body) }

# Nothing more comes over a connection that the server closes, or has closed.
sub hang_up {
    my ($self) = @_;
    close $self->{socket}
        if $self->{socket} && ($self->{closing} || $self->{eof});
    return;
}

sub read_some {
    my ($self) = @_;
    my $n = sysread $self->{socket}, $self->{bytes}, 65536,
        length $self->{bytes};
    return if !defined $n && $!{EAGAIN};
    $self->{reset} = "$!" unless defined $n;
    $self->{eof}   = 1 unless $n;
    return $self->parse;
}

sub parse {
    my ($self) = @_;
    $self->parse_head unless $self->{status};
    $self->parse_body if $self->{status} && !$self->{done};
    $self->finish if $self->{eof} && !$self->{done};
    return;
}

sub finish {
    my ($self) = @_;
    $self->{done}  = 1;
    $self->{ended} = time;
    return;
}

# Interim answers (100, 102) are skipped and counted.
sub parse_head {
    my ($self) = @_;
    while ($self->{bytes} =~ s/\A(.*?\r\n)\r\n//s) {
        my ($line, @lines) = split /\r\n/, $1;
        my ($status) = $line =~ m{\AHTTP/1\.[01] (\d{3}) };
        if ($status && $status < 200) {
            $self->{interim}++;
            next;
        }
        $self->{status_line} = $line;
        $self->{status}      = $status // '000';
        my %headers;
        for (@lines) {
            my ($name, $value) = /\A([^:]+):\s*(.*?)\s*\z/ or next;
            $name = lc $name;
            push @{ $self->{twice} }, $name if exists $headers{$name};
            $headers{$name}
                = join ', ', grep { defined } $headers{$name}, $value;
        }
        $self->{headers} = \%headers;
        return;
    }
    return;
}

sub parse_body {
    my ($self) = @_;
    my $headers = $self->{headers};
    $self->{closing} = 1
        if lc($headers->{connection} // '') eq 'close';
    my $length = $headers->{'content-length'};
    $length = 0
        if $self->{method} eq 'HEAD' || $self->{status} =~ /\A[23]04\z/;
    my $coding = lc($headers->{'transfer-encoding'} // '');
    return $self->parse_chunks if $coding eq 'chunked' && !defined $length;
    if (defined $length) {
        return if length $self->{bytes} < $length;
        $self->{body} = substr $self->{bytes}, 0, $length, '';
        return $self->finish;
    }
    return unless $self->{eof};
    $self->{closing} = 1;
    ($self->{body}, $self->{bytes}) = ($self->{bytes}, '');
    return $self->finish;
}

sub parse_chunks {
    my ($self) = @_;
    my ($rest, $body) = ($self->{bytes}, '');
    while ($rest =~ s/\A([0-9A-Fa-f]+)[^\r\n]*\r\n//) {
        my $length = hex $1;
        return if length $rest < $length + 2;
        $body .= substr $rest, 0, $length, '';
        $rest =~ s/\A\r\n// or return;
        next if $length;
        ($self->{body}, $self->{bytes}) = ($body, $rest);
        return $self->finish;
    }
    return;
}

1;
