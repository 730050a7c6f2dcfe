# SPDX-License-Identifier: Apache-2.0
# Hosts of a cluster and their Redis, and what lies between: links that a test
# cuts, mends and slows down.
#
# Where the machine allows it (root, network namespaces), each host has a
# namespace of its own and two links: one to Redis and the other hosts, which
# is the one that suffers, and one to the test.  Elsewhere all are on ports of
# loopback, and between each host and Redis is a relay.
package WheelHosts;

use strict;
use warnings FATAL => 'all';

use POSIX ();
use Scalar::Util qw(weaken);

use WheelHttpd qw(redis_module_file);
use WheelKeeper qw(kept_dir release_dir);
use WheelRedis ();
use WheelRelay ();
use WheelServer ();
use WheelTest qw(wait_until);

# Of the link to Redis, which nobody sees from outside.  Those to the test have
# addresses from the range for measurements, 198.18.0.0/15.
use constant { REDIS_ADDRESS => '10.9.0.1', SLOW_RATE => '64kbit' };

# Sets of hosts that this test has not yet ended.
my %running;

# Is this machine one where namespaces and links can be made?
sub has_namespaces {
    return 0 if $> != 0 || $ENV{WHEEL_NO_NAMESPACES};
    return system('unshare --net ip link add name wheel0 type veth'
        . ' >/dev/null 2>&1') == 0;
}

# Redis and so many hosts, all started.
#   count       of hosts, 3 if not given
#   redis       what WheelRedis is to be like
#   options     of WheelCluster, behind the URL
#   namespaces  0: on loopback
#   server      what each WheelServer is to be like
sub started {
    my ($class, %want) = @_;
    my $self = bless {
        count => 3, redis => {}, options => '', server => {},
        namespaces => has_namespaces(), %want,
        dir => kept_dir(), maker => $$, holders => [], links => [],
        hosts => [],
    }, $class;
    weaken($running{$self} = $self);
    $self->start_redis;
    $self->add_host for 1 .. $self->{count};
    $self->wait_known($self->{count});
    return $self;
}

sub redis { $_[0]{redis} }
sub hosts { @{ $_[0]{hosts} } }
sub host  { $_[0]{hosts}[$_[1]] }

# Wait until Redis knows of so many, and each of them reads its stream.
sub wait_known {
    my ($self, $count) = @_;
    my $ready = wait_until {
        my $hosts = eval { $self->redis->command(HLEN => 'wheel:hosts') };
        ($hosts // 0) >= $count;
    };
    $ready or die "of $count hosts, Redis doesn't know all\n";
    return;
}

# --- Namespaces -------------------------------------------------------------

sub run {
    my (@command) = @_;
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "$command[0]: $!\n";
    local $/ = undef;
    my $said = <$out> // '';
    close $out or die "@command: $said\n";
    return;
}

# A process that holds a namespace, until the test ends.
sub hold {
    my ($self) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        # The keeper finds it by this.
        $ENV{WHEEL_TEST_DIR} = "$self->{dir}/";
        open STDOUT, '>', '/dev/null';
        exec qw(unshare --net sleep infinity) or POSIX::_exit(127);
    }
    push @{ $self->{holders} }, $pid;
    my $own = readlink '/proc/self/ns/net';
    wait_until { (readlink("/proc/$pid/ns/net") // $own) ne $own }
        or die "no network namespace\n";
    run(enter($pid), qw(ip link set lo up));
    return $pid;
}

sub enter { return ('nsenter', "--net=/proc/$_[0]/ns/net", '--') }

sub start_redis {
    my ($self) = @_;
    my %option = %{ $self->{redis} };
    if ($self->{namespaces}) {
        my @enter = enter($self->{hub} = $self->hold);
        run(@enter, qw(ip link add name hub type bridge));
        run(@enter, qw(ip address add), REDIS_ADDRESS . '/24', qw(dev hub));
        run(@enter, qw(ip link set hub up));
        %option = (%option, address => REDIS_ADDRESS, within => [@enter]);
    }
    $self->{redis} = WheelRedis->started(%option);
    return;
}

# Two links: to the hub and to the test.
sub make_namespace {
    my ($self, $n) = @_;
    my $pid   = $self->hold;
    my @enter = enter($pid);
    # Other tests may do the same at the same time.
    my $name = sprintf 'wheel%x', $pid;
    my ($mine, $its) = map {
        my $number = (198 << 24 | 18 << 16) + $pid % (1 << 15) * 4 + $_;
        join '.', unpack 'C4', pack 'N', $number;
    } 1, 2;
    run(enter($self->{hub}), qw(ip link add name), "to$n",
        qw(type veth peer name redis netns), $pid);
    run(enter($self->{hub}), qw(ip link set), "to$n", qw(master hub up));
    run(@enter, qw(ip address add), "10.9.0.@{[$n + 10]}/24", qw(dev redis));
    run(@enter, qw(ip link set redis up));
    run(qw(ip link add name), $name, qw(type veth peer name test netns), $pid);
    run(qw(ip address add), "$mine/30", 'dev', $name);
    run(qw(ip link set), $name, 'up');
    run(@enter, qw(ip address add), "$its/30", qw(dev test));
    run(@enter, qw(ip link set test up));
    return (address => $its, within => [@enter]);
}

# --- Hosts ------------------------------------------------------------------

# One more host; returns it.
sub add_host {
    my ($self) = @_;
    my $n     = @{ $self->{hosts} };
    my $redis = $self->{redis};
    my %where;
    my $url = $redis->url;
    if ($self->{namespaces}) {
        %where = $self->make_namespace($n);
    }
    else {
        $self->{links}[$n] = WheelRelay->new($redis->port);
        $url = 'redis://127.0.0.1:' . $self->{links}[$n]->port;
    }
    my $file   = redis_module_file();
    my $server = WheelServer->started(
        mpm => 'event', threads => 32, %{ $self->{server} }, %where,
        config => <<"END"
@{[$self->{server}{config} // '']}
LoadModule wheel_redis_module "$file"
WheelCluster $url host=host$n $self->{options}
END
    );
    push @{ $self->{hosts} }, $server;
    return $server;
}

# --- Links ------------------------------------------------------------------

sub port_of { return "to$_[0]" }

# What the host and Redis send to each other is lost.
sub cut {
    my ($self, $n) = @_;
    return $self->{links}[$n]->cut unless $self->{namespaces};
    run(enter($self->{hub}), qw(ip link set), port_of($n), 'down');
    return;
}

sub mend {
    my ($self, $n) = @_;
    return $self->{links}[$n]->mend unless $self->{namespaces};
    run(enter($self->{hub}), qw(ip link set), port_of($n), 'up');
    return;
}

# Few bytes a second, with a long queue; the kernel's netem need not be there.
sub slow {
    my ($self, $n) = @_;
    return $self->{links}[$n]->slow unless $self->{namespaces};
    run(enter($self->{hub}), qw(tc qdisc replace dev), port_of($n),
        qw(root tbf rate), SLOW_RATE, qw(burst 1600 latency 10s));
    return;
}

sub quick {
    my ($self, $n) = @_;
    return $self->{links}[$n]->quick unless $self->{namespaces};
    run(enter($self->{hub}), qw(tc qdisc del dev), port_of($n), 'root');
    return;
}

# --- The end ----------------------------------------------------------------

sub finish {
    my ($self) = @_;
    delete $running{$self} or return;
    local ($?, $@, $!);
    $_->finish for @{ $self->{hosts} };
    $_->finish for grep { defined } @{ $self->{links} };
    $self->{redis}->finish if ref $self->{redis} eq 'WheelRedis';
    kill KILL => @{ $self->{holders} };
    waitpid $_, 0 for @{ $self->{holders} };
    release_dir($self->{dir});
    return;
}

sub DESTROY {
    my ($self) = @_;
    $self->finish if $self->{maker} == $$;
    return;
}

END {
    $_->finish for grep { $_ && $_->{maker} == $$ } values %running;
}

1;
