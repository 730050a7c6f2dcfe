# SPDX-License-Identifier: Apache-2.0
# A backend that keeps its connections and answers each request by the token in
# it: at once, or, where it is asked to wait, when the server cuts connections
# off, or a tenth of a second later.  A process of its own.
package WheelBackend;

use strict;
use warnings FATAL => 'all';

use IO::Poll qw(POLLERR POLLHUP POLLIN);
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(sleep time);

# What waits is answered this much later at most, and at once by so many seconds
# after a connection was cut: in the middle of the cuts of others.
use constant {
    LATE_SEC  => 0.15,
    AMONG_SEC => 0.003,
};

# A protocol: whether a request is there, and an answer.
my %protocol = (
    http => {
        whole  => qr/\r\n\r\n\z/,
        answer => sub {
            "HTTP/1.1 200 OK\r\nContent-Length: @{[length $_[0]]}\r\n\r\n$_[0]";
        },
    },
    fcgi => {
        whole  => qr/\x01\x05\0.\0\0.\0\z/s,
        answer => sub {
            my $body = "Content-Type: text/plain\r\n\r\n$_[0]";
            return join '', record(6, $body), record(6, ''),
                record(3, "\0" x 8);
        },
    },
    ajp => {
        whole  => qr/\xff\z/s,
        answer => sub {
            return join '', packet(4, pack 'n n/a* x n', 200, 'OK', 0),
                packet(3, pack 'n/a* x', $_[0]), packet(5, "\1");
        },
    },
    line => {
        whole  => qr/\n\z/,
        answer => sub {"$_[0]\n"},
    },
);

# Of FastCGI and of AJP.
sub record {
    my ($type, $bytes) = @_;
    return pack 'C C n n C C a*', 1, $type, 1, length $bytes, 0, 0, $bytes;
}

sub packet {
    my ($type, $bytes) = @_;
    return pack 'a2 n C a*', 'AB', 1 + length $bytes, $type, $bytes;
}

# Start one that speaks these, each on a port of its own.
sub start {
    my ($class, @names) = @_;
    my %listener = map {
        $_ => IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128,
            Blocking => 0) // die "$!\n";
    } @names;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        $SIG{PIPE} = 'IGNORE';
        eval { serve(%listener) };
        print STDERR "the backend has failed: $@" if $@;
        POSIX::_exit(1);
    }
    return bless {
        pid  => $pid, maker => $$,
        port => { map { $_ => $listener{$_}->sockport } @names }
    }, $class;
}

sub port { $_[0]{port}{ $_[1] } }

sub serve {
    my (%listener) = @_;
    my $parent = getppid;
    my $poll   = IO::Poll->new;
    my (%of, %waiting);
    $poll->mask($_ => POLLIN) for values %listener;
    my %name = map { fileno $listener{$_} => $_ } keys %listener;
    while (getppid == $parent) {
        $poll->poll(0.01);
        my $cut = 0;
        for my $socket ($poll->handles(POLLIN | POLLHUP | POLLERR)) {
            my $fd = fileno $socket;
            if ($name{$fd}) {
                my $accepted = $socket->accept or next;
                $accepted->blocking(0);
                $poll->mask($accepted => POLLIN);
                $of{ fileno $accepted } = {
                    socket => $accepted, bytes => '',
                    protocol => $protocol{ $name{$fd} }
                };
                next;
            }
            next if hear($of{$fd}, \%waiting);
            $cut = 1 if delete $waiting{$fd};
            $poll->remove($socket);
            delete $of{$fd};
        }
        answer_some(\%waiting, $cut);
    }
    return;
}

# Read a part of a request.  Returns whether its connection goes on.
sub hear {
    my ($client, $waiting) = @_;
    my $n = sysread $client->{socket}, $client->{bytes}, 65536,
        length $client->{bytes};
    return defined $n ? $n : $!{EAGAIN} unless $n;
    return 1 unless $client->{bytes} =~ $client->{protocol}{whole};
    my ($token) = $client->{bytes} =~ /token=(\w+)/ or return 0;
    @$client{qw(bytes token)} = ('', $token);
    if ($token =~ /^wait/) {
        $client->{until} = time + rand LATE_SEC;
        $waiting->{ fileno $client->{socket} } = $client;
        return 1;
    }
    return answer($client);
}

sub answer {
    my ($client) = @_;
    return syswrite $client->{socket},
        $client->{protocol}{answer}->($client->{token});
}

# Those whose time has come; or, while connections are cut, all of them.
sub answer_some {
    my ($waiting, $cut) = @_;
    for my $fd (keys %$waiting) {
        next if !$cut && $waiting->{$fd}{until} > time;
        sleep rand(AMONG_SEC) / 10 if $cut;
        answer(delete $waiting->{$fd});
    }
    return;
}

sub DESTROY {
    my ($self) = @_;
    return unless $self->{pid} && $self->{maker} == $$;
    local ($?, $!);
    kill KILL => $self->{pid};
    waitpid delete $self->{pid}, 0;
    return;
}

1;
