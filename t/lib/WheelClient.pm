# SPDX-License-Identifier: Apache-2.0
# A client that can do what a well-behaved one never does: go away in the middle
# of its request in every way that TCP and TLS know, send more than one request
# at once, or send half of one.
package WheelClient;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use IO::Poll qw(POLLERR POLLHUP POLLIN POLLOUT);
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);

use Time::HiRes qw(time);

use IO::Socket::INET ();
use WheelHttpd qw(libexec_dir);
use WheelTest ();

our @EXPORT_OK = qw(flood tls_config http2_config vanish_together);

# A server may be the first to hang up, also in the middle of a close of TLS.
$SIG{PIPE} = 'IGNORE';

# Directives for one more address, where httpd speaks TLS with a certificate
# that is made here.
#   protocols  what to speak inside, such as 'h2 http/1.1'
sub tls_config {
    my ($server_dir, $port, %opt) = @_;
    my ($key, $certificate) = map {"$server_dir/tls.$_"} qw(key crt);
    my @command = (
        qw(openssl req -x509 -nodes -days 2 -subj /CN=127.0.0.1),
        qw(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -batch),
        '-keyout' => $key, '-out' => $certificate
    );
    my $said = qx(@command 2>&1);
    $? == 0 or die "no certificate: $said\n";
    my $protocols = $opt{protocols} ? "Protocols $opt{protocols}" : '';
    return <<"END";
LoadModule ssl_module "@{[libexec_dir()]}/mod_ssl.so"
Listen 127.0.0.1:$port
<VirtualHost 127.0.0.1:$port>
    ServerName 127.0.0.1
    SSLEngine on
    SSLCertificateFile "$certificate"
    SSLCertificateKeyFile "$key"
    $protocols
</VirtualHost>
END
}

# Directives for HTTP/2 without TLS at the server's own address.
sub http2_config {
    return <<"END";
LoadModule http2_module "@{[libexec_dir()]}/mod_http2.so"
Protocols h2c http/1.1
END
}

#   tls    speak TLS; a list of protocols to offer in it, or 1 for none
#   from   the address to come from
sub new {
    my ($class, $port, %opt) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
        Timeout  => WheelTest::LIMIT_SEC,   LocalAddr => $opt{from}
    ) or die "127.0.0.1:$port: $@\n";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    my $self = bless { socket => $socket, port => $port }, $class;
    if ($opt{tls}) {
        require IO::Socket::SSL;
        my @offer = ref $opt{tls} ? (SSL_alpn_protocols => $opt{tls}) : ();
        IO::Socket::SSL->start_SSL($socket, SSL_verify_mode => 0, @offer)
            or die "TLS: $IO::Socket::SSL::SSL_ERROR\n";
        $self->{tls} = 1;
    }
    $socket->blocking(0);
    return $self;
}

sub socket { $_[0]{socket} }

# Send bytes as they are.
sub send {
    my ($self, $bytes) = @_;
    return WheelTest::send_all($self->{socket}, $bytes);
}

# Send a request and return at once.  WheelTest's collect() brings the answer.
#   version  of HTTP, 1.1 if not given
#   headers  a list of names and values
sub ask {
    my ($self, $method, $target, %opt) = @_;
    my $answer = WheelTest::Answer->new($self->{socket}, $method);
    $self->send($self->head($method, $target, %opt));
    return $answer;
}

# Many requests at once, each over a connection of its own: none waits for
# another, neither to connect nor to be read.  Returns once all are sent; the
# answers are like those of WheelTest's begin().
#   headers  as above
sub flood {
    my ($port, $count, $method, $target, %opt) = @_;
    my $bytes = head({ port => $port }, $method, $target, %opt);
    my $poll  = IO::Poll->new;
    my $end   = time + WheelTest::LIMIT_SEC;
    my (@answers, %of);
    for (1 .. $count) {
        my $socket = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
            Blocking => 0
        ) or die "127.0.0.1:$port: $@\n";
        push @answers, $of{ fileno $socket }
            = WheelTest::Answer->new($socket, $method);
        $poll->mask($socket => POLLOUT);
    }
    my $unsent = $count;
    while ($unsent && time < $end) {
        $poll->poll($end - time);
        for my $socket ($poll->handles(POLLOUT | POLLIN | POLLHUP | POLLERR)) {
            my $answer = $of{ fileno $socket };
            if (!$answer->{sent}++) {
                WheelTest::send_all($socket, $bytes);
                $poll->mask($socket => POLLIN);
                $unsent--;
                next;
            }
            $answer->read_some;
            next unless $answer->done;
            $poll->remove($socket);
            $answer->hang_up;
        }
    }
    return @answers;
}

# The bytes of a request.
sub head {
    my ($self, $method, $target, %opt) = @_;
    my @header = (Host => "127.0.0.1:$self->{port}", @{ $opt{headers} // [] });
    my $head   = "$method $target HTTP/@{[$opt{version} // '1.1']}\r\n";
    while (my ($name, $value) = splice @header, 0, 2) {
        $head .= "$name: $value\r\n";
    }
    return "$head\r\n";
}

# Go away: by a 'reset', by a 'close', by a 'silent close' that has no word of
# TLS, or by a 'half close' of the sending side alone.
sub vanish {
    my ($self, $way) = @_;
    my $socket = $self->{socket};
    if ($way eq 'half close') {
        shutdown $socket, 1 or die "shutdown: $!\n";
        return;
    }
    if ($way eq 'reset') {
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    }
    my @quietly = $self->{tls} && $way ne 'close' ? (SSL_no_shutdown => 1) : ();
    delete $self->{socket};
    $socket->close(@quietly);
    return;
}

# Clients with a wheel each go away at once, by a close and by a reset in turns.
# Returns the seconds until no wheel turns.
sub vanish_together {
    my ($server, @clients) = @_;
    my @ways = ('close', 'reset');
    $server->wait_rotating(scalar @clients)
        or die scalar(@clients) . " wheels don't turn\n";
    my $began = time;
    $clients[$_]->vanish($ways[$_ % 2]) for 0 .. $#clients;
    WheelTest::wait_until(sub { !$server->rotating });
    return time - $began;
}

1;
