# SPDX-License-Identifier: Apache-2.0
# Ask a server the same few things again and again, from a process of its own,
# while the test does something else to it; then say how long answers took.
package WheelProbe;

use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use WheelTest ();

# From one question to the next.
use constant INTERVAL_SEC => 0.05;

# Begin to ask for these, in turn, each over a connection of its own.
sub start {
    my ($class, $port, @targets) = @_;
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        close $read;
        my $told;
        local $SIG{TERM} = sub { $told = 1 };
        my $seen = eval { probe($port, \@targets, \$told) } // { error => $@ };
        syswrite $write, JSON::PP::encode_json($seen);
        POSIX::_exit(0);
    }
    close $write;
    return bless { pid => $pid, read => $read }, $class;
}

sub probe {
    my ($port, $targets, $told) = @_;
    my $server = WheelTest->new(port => $port);
    my %seen;
    while (!$$told) {
        for my $target (@$targets) {
            my $answer = $server->get($target);
            my $of     = $seen{$target} //= { asked => 0, slowest => 0 };
            $of->{asked}++;
            my $seconds = $answer->done ? $answer->seconds : WheelTest::LIMIT_SEC;
            $of->{slowest} = $seconds if $seconds > $of->{slowest};
            $of->{status}{ $answer->status // 'none' }++;
        }
        sleep INTERVAL_SEC;
    }
    return \%seen;
}

# End and return, for each target: asked, slowest (seconds) and status (how
# many answers by status; 'none' for a connection that brought no answer).
sub finish {
    my ($self) = @_;
    kill TERM => $self->{pid};
    local $/ = undef;
    my $said = readline $self->{read};
    waitpid delete $self->{pid}, 0;
    my $seen = JSON::PP::decode_json($said || '{"error":"no answer"}');
    die "the probe has failed: $seen->{error}\n" if $seen->{error};
    return $seen;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $@);
    eval { $self->finish } if $self->{pid};
    return;
}

1;
