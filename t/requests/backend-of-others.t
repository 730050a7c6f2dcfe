# SPDX-License-Identifier: Apache-2.0
# A connection to a backend that a request has used, and another one uses now, is
# not that of the first: a stop of the first, whose answer is still sent, leaves
# the other one alone.

use strict;
use warnings FATAL => 'all';

use IO::Select ();
use IO::Socket::INET ();
use Socket qw(SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in);
use WheelPlan;
use WheelRequests qw(listed load_modules);
use WheelServer ();
use WheelTest qw(collect);

use constant BYTES => 50_000;

plan tests => 4, need_module 'wheel', 'proxy';

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20)
    or die "$!\n";
my $server = WheelServer->started(processes => 1, threads => 6,
    config => join "\n", load_modules(qw(proxy proxy_http)), <<"END");
WheelRequests on slow=50ms
SendBufferSize 4096
ProxyPass "/backend" "http://127.0.0.1:@{[$listener->sockport]}"
END
my $backend; # the connection

# A client that takes nothing.
my $slow = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1')
    or die "$!\n";
setsockopt $slow, SOL_SOCKET, SO_RCVBUF, pack 'i', 2048;
connect $slow, pack_sockaddr_in($server->port, inet_aton('127.0.0.1'))
    or die "$!\n";
WheelTest::send_all($slow, "GET /backend/slow HTTP/1.1\r\nHost: a\r\n\r\n");
answer('x' x BYTES);
ok listed($server, '/backend/slow', sub { $_[0]{sent_bytes} >= BYTES }),
    'a request whose answer is still sent';

my $other = $server->begin(GET => '/backend/other');
$backend = readable();
listed($server, '/backend/other');
my $stop = $server->get('/stop?path=/backend/slow&wait=20&json');
like $stop->body, qr/"outcome":"ended"/, 'a stop ends it';
ok !collect(0.3, $other), 'another request of the backend waits on';
answer('other');
collect(20, $other);
is $other->body, 'other', 'and gets its answer';

# The connection on which the next request comes: the one that is kept, unless
# another process sends it.
sub readable {
    my ($ready) = IO::Select->new(grep {$_} $listener, $backend)->can_read(20)
        or die "no request has come\n";
    return $ready == $listener ? $listener->accept : $ready;
}

sub answer {
    my ($body) = @_;
    $backend = readable();
    sysread $backend, my $head, 4096;
    return WheelTest::send_all($backend, "HTTP/1.1 200 OK\r\nContent-Length: "
            . length($body) . "\r\n\r\n$body");
}
