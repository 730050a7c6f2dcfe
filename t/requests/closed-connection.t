# SPDX-License-Identifier: Apache-2.0
# httpd closes some connections a moment before the end of their request: that of
# a client whose answer is not sent, and that to the backend of a tunnel.  A stop
# that comes between shuts down no other connection that got the number of the
# descriptor.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use Socket ();
use WheelClient ();
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(listed load_modules);
use WheelServer ();
use WheelTest qw(wait_until);

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20)
    or die "$!\n";
my $peer    = '127.0.0.1:' . $listener->sockport;
my $upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

# The path that the status lists, and what makes its connection be closed.
my %closed = (
    'an answer' => ['/unsent', \&leave_unsent],
    CONNECT     => [$peer, sub { end_tunnel("CONNECT $peer") }],
    WebSocket   => ['/ws', sub { end_tunnel('GET /ws', $upgrade) }],
);
plan tests => 6 * keys(%closed), need_module 'wheel', 'proxy', 'proxy_connect';

my $server = WheelServer->new(processes => 4, threads => 4);
$server->configure(config => join '', <<"END");
@{[load_modules(qw(proxy proxy_http proxy_connect)), user_modules('test_close')]}
WheelRequests on
SendBufferSize 4096
Timeout 1
ProxyTimeout 60
ProxyRequests on
AllowCONNECT @{[$listener->sockport]}
ProxyPass "/ws" "http://$peer/ws" upgrade=websocket
<Location "/abort">
    SetHandler test-close
</Location>
END
my $root = $server->dir . '/htdocs';
chmod 0777, $root or die "$root: $!\n";
spew("$root/unsent", 'x' x (80 * 1024));
$server->start or die $server->error_log;

my ($said, @said) = 0;
for my $name (sort keys %closed) {
    my ($path, $close) = @{ $closed{$name} };
    my @held = $close->();
    ok wait_until { -e "$root/closed" }, "$name: its connection is closed";
    my $row = listed($server, $path);
    ok $row, 'the request is there still';
    is $server->get("/stop?id=$row->{id}")->status, 200, 'a stop';
    ok listed($server, $path, sub { ($_[0]{step} // '') eq 'force' }),
        'its process has been told more than once';
    spew("$root/go", '');
    ok wait_until {
        $said < (@said = $server->error_log =~ /test-close: (.*)/g);
    }, 'it goes on';
    is $said[-1], 'the number was free, the connection is whole',
        'another connection with its number is whole';
    $said = @said;
    unlink "$root/closed", "$root/go";
}

# Event closes it after Timeout, the others when its next request ends.
sub leave_unsent {
    my $client = WheelClient->new($server->port);
    setsockopt $client->socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
    $client->send(join '', map { $client->head(GET => $_) } '/unsent?close',
        WheelServer::mpm() eq 'event' ? () : '/abort');
    return $client;
}

# Both sides end it.
sub end_tunnel {
    my ($request, $headers) = @_;
    my $client = WheelClient->new($server->port);
    $client->send("$request HTTP/1.1\r\nHost: $peer\r\n"
        . ($headers // '') . "\r\n");
    my $backend = $listener->accept;
    if ($headers) {
        sysread $backend, my $head, 4096;
        WheelTest::send_all($backend,
            "HTTP/1.1 101 Switching Protocols\r\n$headers\r\n");
    }
    close $backend;
    shutdown $client->socket, 1;
    return $client;
}
