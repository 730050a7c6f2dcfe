# SPDX-License-Identifier: Apache-2.0
# A process between two ends of TCP connections, for machines where a test can't
# cut a link: it holds back what they send, for a while or for as long as the
# link is cut.
package WheelRelay;

use strict;
use warnings FATAL => 'all';

use IO::Handle ();
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(time);

use constant { SLOW_SEC => 0.15, CHUNK_BYTES => 65536 };

# Listen at a free port and connect to that one.
sub new {
    my ($class, $to) = @_;
    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp', Listen => 64
    ) or die "no free port: $!\n";
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        $SIG{$_} = 'IGNORE' for qw(PIPE INT);
        # Pipes of the test, too: who waits for their end must not wait for us.
        my %own = map { fileno $_ => 1 } $listen, $read;
        POSIX::close($_) for grep { !$own{$_} } 3 .. 1023;
        eval { relay($listen, $to, $read) };
        POSIX::_exit(0);
    }
    $write->autoflush(1);
    return bless {
        pid => $pid, control => $write, port => $listen->sockport
    }, $class;
}

sub port { $_[0]{port} }

sub tell  { syswrite $_[0]{control}, "$_[1]\n"; return }
sub cut   { return $_[0]->tell('cut') }
sub mend  { return $_[0]->tell('mend') }
sub slow  { return $_[0]->tell('slow') }
sub quick { return $_[0]->tell('quick') }

sub finish {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}

# Ends with the test, whose end of the pipe it has.
sub relay {
    my ($listen, $to, $control) = @_;
    my $select = IO::Select->new($listen, $control);
    my ($cut, $slow) = (0, 0);
    my (%peer, @queue);
    while (1) {
        my @ready = $select->can_read(0.002);
        for my $socket (@ready) {
            if ($socket == $control) {
                sysread $control, my $said, 100 or return;
                for (split ' ', $said) {
                    $cut  = 1 if $_ eq 'cut';
                    $cut  = 0 if $_ eq 'mend';
                    $slow = SLOW_SEC if $_ eq 'slow';
                    $slow = 0 if $_ eq 'quick';
                }
            }
            elsif ($socket == $listen) {
                my $near = $listen->accept or next;
                my $far  = IO::Socket::INET->new(
                    PeerAddr => '127.0.0.1', PeerPort => $to, Proto => 'tcp');
                if (!$far) {
                    close $near;
                    next;
                }
                @peer{ fileno $near, fileno $far } = ($far, $near);
                $select->add($near, $far);
            }
            else {
                my $n = sysread $socket, my $bytes, CHUNK_BYTES;
                push @queue, [time + $slow, $socket, $n ? $bytes : undef];
                $select->remove($socket) unless $n;
            }
        }
        while (@queue && !$cut && $queue[0][0] <= time) {
            my (undef, $from, $bytes) = @{ shift @queue };
            my $peer = $peer{ fileno($from) // -1 } // next;
            if (defined $bytes) {
                syswrite $peer, $bytes;
                next;
            }
            delete @peer{ fileno $from, fileno $peer };
            $select->remove($from, $peer);
            close $_ for $from, $peer;
        }
    }
    return;
}

1;
