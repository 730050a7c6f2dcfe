# SPDX-License-Identifier: Apache-2.0
# A Redis of the test's own, on a free port and on a socket, in a directory of
# its own: stopped, killed, held and started again at the same port.  It ends
# with the test, whatever becomes of either.
package WheelRedis;

use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use POSIX ();

use WheelHttpd qw(free_port redis_module_file slurp spew);
use WheelKeeper qw(end_server kept_dir release_dir);
use WheelTest qw(freeze wait_until);

use constant START_SEC => 60;

# Debian's redis-tools has the server's program as well, by another name; the
# package redis-server only adds a service that one would have to keep from
# starting.  The program looks at the name that it is called by.
sub program {
    my ($file) = grep { -x } map {
        my $dir = $_;
        map {"$dir/$_"} qw(redis-server redis-check-rdb)
    } split /:/, $ENV{PATH};
    return $file;
}

# Make one, without starting it.
#   persistent  write every change to disk before it is answered
#   acl         lines of an ACL file
#   config      options of redis-server by name; a list for several words
#   address     instead of 127.0.0.1; others are let in, then
#   within      a command to start it by: in a network namespace, say
sub new {
    my ($class, %want) = @_;
    my $self = bless {
        address => '127.0.0.1', within => [], port => free_port(), %want,
        dir => kept_dir(), maker => $$,
    }, $class;
    spew("$self->{dir}/users.acl", $self->{acl}) if defined $self->{acl};
    return $self;
}

sub started {
    my ($class, %want) = @_;
    my $self = $class->new(%want);
    # Another program may have taken the port meanwhile.
    for (1 .. 3) {
        return $self if $self->start;
        $self->{port} = free_port();
    }
    die "redis-server didn't start:\n" . $self->log;
}

sub port    { $_[0]{port} }
sub address { $_[0]{address} }
sub dir     { $_[0]{dir} }
sub pid     { $_[0]{pid} }
sub socket  { "$_[0]{dir}/redis.sock" }
sub url     { "redis://$_[0]{address}:$_[0]{port}" }
sub log     { -e "$_[0]{dir}/log" ? slurp("$_[0]{dir}/log") : '' }

sub options {
    my ($self) = @_;
    my $dir    = $self->{dir};
    my %option = (
        port     => $self->{port}, bind => $self->{address}, dir => $dir,
        logfile  => "$dir/log", unixsocket => $self->socket,
        unixsocketperm   => 777, save => '',
        # The keeper finds it by the directory in its command line.
        'set-proc-title' => 'no',
        $self->{persistent} ? (appendonly => 'yes', appendfsync => 'always')
        : (),
        defined $self->{acl} ? (aclfile => "$dir/users.acl") : (),
        $self->{address} ne '127.0.0.1' ? ('protected-mode' => 'no') : (),
        %{ $self->{config} // {} },
    );
    return map {
        ("--$_" => ref $option{$_} ? @{ $option{$_} } : $option{$_})
    } sort keys %option;
}

# What makes a server a host of the cluster of this Redis.  A stop waits for the
# other hosts, and for Redis, longer than a busy machine holds one of them up.
sub host_config {
    my ($self, $name, $more) = @_;
    my $file    = redis_module_file();
    my $options = join ' ', "host=$name", $more // ();
    $options .= ' timeout=5s' unless $options =~ /\btimeout=/;
    return <<"END";
LoadModule wheel_redis_module "$file"
WheelCluster @{[$self->url]} $options
END
}

# Start it, or start it again, and return whether it answers.
sub start {
    my ($self) = @_;
    my $program = program() // die "redis-server is not installed\n";
    my $pid     = fork // die "fork: $!\n";
    if ($pid == 0) {
        POSIX::setsid();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        # Of those that start a program, bash can give it another name.
        exec @{ $self->{within} }, 'bash', '-c',
            'exec -a redis-server "$0" "$@"', $program, $self->options
            or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    my $ready = wait_until {
        waitpid($pid, POSIX::WNOHANG()) == $pid and return 'ended';
        $self->answers ? 'up' : undef;
    } START_SEC;
    return 1 if ($ready // '') eq 'up';
    $self->kill_hard;
    return 0;
}

# Over the socket: it is there in every namespace, and whoever took our port is
# not behind it.
sub cli { return ('redis-cli', '-s', $_[0]->socket) }

sub answers {
    my ($self) = @_;
    return 0 unless -S $self->socket;
    my @cli = $self->cli;
    return qx(timeout 2 @cli PING 2>&1) =~ /PONG|NOAUTH/ ? 1 : 0;
}

sub said {
    my ($self, @words) = @_;
    open my $out, '-|', 'timeout', WheelTest::LIMIT_SEC, $self->cli, @words
        or die "redis-cli: $!\n";
    local $/ = undef;
    my $said = <$out> // '';
    close $out;
    return $said;
}

# Run a command and return its answer: a string, a number or a list.
sub command {
    my ($self, @words) = @_;
    my $said  = $self->said('--json', '--no-auth-warning', @words);
    my $value = eval { JSON::PP->new->allow_nonref->decode($said) };
    die "redis-cli @words: $said\n" if $@;
    return $value;
}

# What INFO says, as a table.
sub info {
    my ($self, $section) = @_;
    return { $self->said(INFO => $section // 'all') =~ /^(\w+):(.*?)\r?$/mg };
}

# End it by TERM, which writes what is to be kept.
sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return 1;
    return end_server($pid, 10);
}

# As kill -9 and a power failure do.
sub kill_hard {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}

# Lose what it has written to disk.
sub forget {
    my ($self) = @_;
    system 'rm', '-rf', map {"$self->{dir}/$_"} qw(appendonlydir dump.rdb);
    return;
}

# Hold it: its connections stay, and nothing is answered.
sub pause  { return freeze($_[0]{pid}) }
sub resume { return kill CONT => $_[0]{pid} }

sub finish {
    my ($self) = @_;
    delete $self->{maker} // return;
    local ($?, $@, $!);
    $self->kill_hard;
    release_dir($self->{dir});
    return;
}

sub DESTROY {
    my ($self) = @_;
    $self->finish if ($self->{maker} // 0) == $$;
    return;
}

1;
