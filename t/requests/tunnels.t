# SPDX-License-Identifier: Apache-2.0
# A tunnel through a proxy, of CONNECT or to a WebSocket, ends when it is
# stopped, also where its client keeps its side open, and where the connection to
# the backend has served another request before; and nothing is put into it.

use strict;
use warnings FATAL => 'all';

use IO::Select ();
use IO::Socket::INET ();
use WheelClient ();
use WheelPlan;
use WheelRequests qw(listed load_modules);
use WheelServer ();
use WheelTest qw(collect ends wait_until);

my $upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20)
    or die "$!\n";
my $peer = '127.0.0.1:' . $listener->sockport;

# The path that the status lists, the request, and whether the backend has
# answered another one over its connection.
my %tunnel = (
    CONNECT   => [$peer,   "CONNECT $peer HTTP/1.1\r\n", 0],
    WebSocket => ['/new',  "GET /new HTTP/1.1\r\n$upgrade", 0],
    'a kept connection' => ['/kept', "GET /kept HTTP/1.1\r\n$upgrade", 1],
    # mod_proxy leaves the tunnel as soon as one side is closed.
    'without half-close' => ['/both', "GET /both HTTP/1.1\r\n$upgrade", 0],
);
plan tests => 5 * keys(%tunnel) + 1, need_module 'wheel', 'proxy',
    'proxy_connect';

my $server = WheelServer->started(processes => 1, threads => 4,
    config => join "\n", load_modules(qw(proxy proxy_http proxy_connect setenvif)), <<"END");
WheelRequests on slow=50ms
ProxyRequests on
AllowCONNECT @{[$listener->sockport]}
ProxyPass "/new" "http://$peer/new" upgrade=websocket
ProxyPass "/kept" "http://$peer/kept" upgrade=websocket
ProxyPass "/both" "http://$peer/both" upgrade=websocket
SetEnvIf Request_URI "^/both" proxy-nohalfclose
END

for my $name (sort keys %tunnel) {
    my ($path, $head, $kept) = @{ $tunnel{$name} };
    my $backend = $kept ? serve_first($path) : undef;
    my $client = WheelClient->new($server->port);
    $client->send("${head}Host: $peer\r\n\r\n");
    $backend = switch_protocols($backend, $name ne 'CONNECT');
    ok wait_until {
        sysread $client->socket, my $some, 4096;
        ($some // '') =~ /bytes of the backend/;
    }, "$name: a tunnel";
    my $row  = listed($server, $path);
    my $stop = $server->get("/stop?id=$row->{id}&wait=20&json");
    like $stop->body, qr/"outcome":"ended"/, "$name: a stop ends it";
    ok ends($backend), "$name: the backend sees the end";
    ok ends($client->socket, \my $more), "$name: and so does the client";
    is $more, '', "$name: which gets nothing else";
}
is $server->get('/')->body, "hello\n", 'the server goes on';

# A request that is no tunnel.  Returns the backend's connection.
sub serve_first {
    my ($path) = @_;
    my $answer  = $server->begin(GET => $path);
    my $backend = $listener->accept;
    sysread $backend, my $head, 4096;
    WheelTest::send_all($backend, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    collect(20, $answer);
    return $backend;
}

# The backend's end of a tunnel: a new connection, unless it uses the kept one.
sub switch_protocols {
    my ($backend, $is_http) = @_;
    my ($ready) = IO::Select->new(grep {$_} $listener, $backend)->can_read(20)
        or die "no request has come\n";
    $backend = $ready == $listener ? $listener->accept : $ready;
    if ($is_http) {
        sysread $backend, my $head, 4096;
        WheelTest::send_all($backend,
            "HTTP/1.1 101 Switching Protocols\r\n$upgrade\r\n");
    }
    WheelTest::send_all($backend, "bytes of the backend\n");
    return $backend;
}
