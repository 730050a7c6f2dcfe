# SPDX-License-Identifier: Apache-2.0
# Stops that are said to the hosts of a cluster while hosts, links and Redis
# come and go; and an account of every wheel.
#
# Each stop has a name of its own and wheels of that name on two hosts.  A stop
# that was refused (502) is said again, as its answer asks for.  In the end each
# wheel must have been ended by its stop, or its host must have gone.  Beside
# them turn wheels that no stop concerns: of a name that nobody stops, and of
# names whose stop is over and was answered by every host.
package WheelStorm;

use strict;
use warnings FATAL => 'all';

use List::Util qw(shuffle);
use Time::HiRes qw(sleep time);

use WheelHosts ();
use WheelTest qw(await collect wait_until);

# Stops of one round, and wheels of one stop.
use constant { BATCH => 20, EACH => 2 };

# What may happen to whom, and how it ends.  Those who take wheels along say so.
my %fault = (
    nothing => {},
    cut     => {
        begin => sub { $_[0]->cut($_[1]) }, end => sub { $_[0]->mend($_[1]) },
    },
    slow => {
        begin => sub { $_[0]->slow($_[1]) }, end => sub { $_[0]->quick($_[1]) },
    },
    graceful => {
        begin => sub { $_[0]->host($_[1])->graceful },
    },
    child => {
        begin => sub {
            my $host = $_[0]->host($_[1]);
            my @pids = $host->children;
            $host->kill_child($pids[rand @pids]);
        },
        takes_wheels => 1,
    },
    host => {
        begin => sub { $_[0]->host($_[1])->stop },
        end   => sub {
            $_[0]->host($_[1])->start or die "host $_[1] didn't start again\n";
        },
        takes_wheels => 1,
    },
    redis => {
        begin => sub { $_[0]->redis->kill_hard },
        end   => sub {
            my $redis = $_[0]->redis;
            wait_until { $redis->start } or die "no Redis\n";
        },
    },
    pause => {
        begin => sub { $_[0]->redis->pause },
        end   => sub { $_[0]->redis->resume },
    },
);

sub kinds { return sort keys %fault }

# Make the hosts.  say: gets a line a round.
sub new {
    my ($class, %want) = @_;
    my $hosts = WheelHosts->started(
        count => 3, redis => { persistent => 1 },
        server => { processes => 2, threads => 64, spare => 6 }, %want
    );
    my $self = bless {
        hosts => $hosts, say => $want{say} // sub { }, stops => 0,
        count => {
            map { $_ => 0 }
                qw(stopped gone lost wrong again unanswered refused others)
        },
    }, $class;
    $self->start_others(0 .. 2);
    return $self;
}

sub hosts { $_[0]{hosts} }
sub count { $_[0]{count} }

# Which hosts are reached by the test.
sub up_hosts {
    my ($self) = @_;
    return grep { $self->{hosts}->host($_)->up } 0 .. $self->{hosts}->hosts - 1;
}

# Start a wheel: which host, which stop, and its request.
sub start_wheel {
    my ($self, $n, $name) = @_;
    return {
        host => $n, name => $name,
        answer => $self->{hosts}->host($n)->begin(GET => "/rotate/$name")
    };
}

# Wait until all of these turn.  Who is refused comes again.
sub wait_turning {
    my ($self, @wheels) = @_;
    my @waiting = @wheels;
    wait_until {
        # In lines: JSON takes a while to read.
        my %turning;
        for my $n ($self->up_hosts) {
            my $status = $self->{hosts}->host($n)->get('/wheel-status?auto');
            $turning{"$n $_"}++ for ($status->body // '')
                =~ /^WheelRunning: .* name=(\S*) .* state=rotating /mg;
        }
        for my $wheel (@waiting) {
            $wheel->{turns} = ($turning{"$wheel->{host} $wheel->{name}"} // 0)
                > 0;
            next if $wheel->{turns} || !collect(0, $wheel->{answer});
            $self->{count}{refused}++;
            %$wheel = %{ $self->start_wheel(@$wheel{qw(host name)}) };
        }
        @waiting = grep { !$_->{turns} } @waiting;
        !@waiting;
    } or die scalar(@waiting) . " wheels don't turn\n";
    return;
}

# Wheels that no stop concerns.
sub start_others {
    my ($self, @hosts) = @_;
    my @wheels = map { $self->start_wheel($_, "keep$_") } @hosts;
    $self->wait_turning(@wheels);
    push @{ $self->{others} }, @wheels;
    return;
}

# Say these stops at once, each to some host.
sub say_stops {
    my ($self, @stops) = @_;
    my @up = $self->up_hosts;
    for my $stop (@stops) {
        my $host = $self->{hosts}->host($up[rand @up]);
        $stop->{answer} = eval { $host->begin(GET => "/stop/$stop->{name}") };
    }
    return;
}

# What has become of them: are any to be said again?
sub hear_stops {
    my ($self, @stops) = @_;
    await(grep { defined } map { $_->{answer} } @stops);
    my @again;
    for my $stop (@stops) {
        my $status = $stop->{answer} && $stop->{answer}->status // 0;
        if ($status == 200) {
            my $silent = $stop->{answer}->header('Wheel-Unanswered');
            $stop->{unanswered} = defined $silent;
            $self->{count}{unanswered}++ if defined $silent;
        }
        elsif ($status == 404 && $stop->{said}) {
            # The first attempt came through.
        }
        else {
            push @again, $stop;
        }
        $stop->{said} = 1;
    }
    $self->{count}{again} += @again;
    return @again;
}

# One round: wheels, a fault in the middle of their stops, and what came of it.
sub round {
    my ($self, $kind, $stops) = @_;
    my $hosts  = $self->{hosts};
    my $victim = int rand $hosts->hosts;
    my $fault  = $fault{$kind};
    my $began  = time;
    my @stops  = map { { name => 's' . ++$self->{stops} } } 1 .. $stops;
    for my $stop (@stops) {
        my @at = (shuffle 0 .. $hosts->hosts - 1)[0 .. EACH - 1];
        $stop->{wheels} = [map { $self->start_wheel($_, $stop->{name}) } @at];
    }
    $self->wait_turning(map { @{ $_->{wheels} } } @stops);

    my $half = @stops / 2;
    $self->say_stops(@stops[0 .. $half - 1]);
    $fault->{begin}->($hosts, $victim) if $fault->{begin};
    $self->say_stops(@stops[$half .. $#stops]);
    sleep rand 0.3;
    my @again = $self->hear_stops(@stops);
    $fault->{end}->($hosts, $victim) if $fault->{end};
    for (1 .. 30) {
        last unless @again;
        sleep 0.1;
        $self->say_stops(@again);
        @again = $self->hear_stops(@again);
    }
    die @again . " stops are refused for ever\n" if @again;

    my $gone = $fault->{takes_wheels} ? $victim : -1;
    $self->account($gone, map { @{ $_->{wheels} } } @stops);
    $self->look_at_others($gone);
    $self->start_late(grep { !$_->{unanswered} } @stops) if $kind eq 'nothing';
    $self->{say}->(sprintf '%-8s %s %4d stops, %5.2f s', $kind,
        $fault->{begin} ? $victim : ' ', $self->{stops}, time - $began);
    return;
}

# Every wheel of a stop has ended by it.
sub account {
    my ($self, $gone, @wheels) = @_;
    my $count = $self->{count};
    await(map { $_->{answer} } @wheels);
    for my $wheel (@wheels) {
        my $answer = $wheel->{answer};
        my $by     = $answer->{headers} && $answer->header('Wheel-Stopped-By');
        my $what
            = ($by // '') eq 'stop'   ? 'stopped'
            : $wheel->{host} == $gone ? 'gone'
            :                           'lost';
        $count->{$what}++;
        next if $what ne 'lost';
        $self->{say}->('lost: ' . fate($wheel));
    }
    return;
}

# What has become of a wheel, in words.
sub fate {
    my ($wheel) = @_;
    my $answer = $wheel->{answer};
    my $by     = $answer->{headers} && $answer->header('Wheel-Stopped-By');
    return "$wheel->{name} on host $wheel->{host}: "
        . join ', ', $answer->{status_line} // 'no answer',
        $by ? "by $by" : (), $answer->body // ();
}

# No other wheel has.  A killed process may live for seconds on a busy machine:
# its threads of the idle class get no CPU to end.
sub look_at_others {
    my ($self, $gone) = @_;
    $_->{doomed} = 1 for grep { $_->{host} == $gone } @{ $self->{others} };
    collect(0, map { $_->{answer} } @{ $self->{others} });
    my @done = grep { $_->{answer}->done } @{ $self->{others} };
    for my $wheel (@done) {
        next if $wheel->{doomed};
        $self->{count}{wrong}++;
        $self->{say}->('wrong: ' . fate($wheel));
    }
    $self->{others} = [grep { !$_->{answer}->done } @{ $self->{others} }];
    my %has = map { $_->{host} => 1 }
        grep { $_->{name} =~ /^keep/ && !$_->{doomed} }
        @{ $self->{others} };
    $self->start_others(grep { !$has{$_} } 0 .. 2);
    $self->{count}{others} = @{ $self->{others} };
    return;
}

# A stop that all hosts have answered is over: wheels of its name turn on.
sub start_late {
    my ($self, @stops) = @_;
    my ($stop) = shuffle @stops or return;
    return if @{ $self->{others} } > 20;
    push @{ $self->{others} }, my $wheel
        = $self->start_wheel(int rand $self->{hosts}->hosts, $stop->{name});
    $self->wait_turning($wheel);
    return;
}

# So many stops, these faults in turn or at random.
sub blow {
    my ($self, $stops, @kinds) = @_;
    my @turn;
    while ($stops > 0) {
        @turn = shuffle @kinds unless @turn;
        my $batch = $stops < BATCH ? $stops : BATCH;
        $self->round(shift @turn, $batch);
        $stops -= $batch;
    }
    # What was late comes until now, if it comes.
    $self->round(nothing => 2);
    return $self->{count};
}

1;
