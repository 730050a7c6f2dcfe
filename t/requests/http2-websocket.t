# SPDX-License-Identifier: Apache-2.0
# A stop of a WebSocket over HTTP/2 resets its stream, puts nothing into it, and
# leaves the others of its connection alone.
#
# nghttp and curl can't ask for one; Node.js can.

use strict;
use warnings FATAL => 'all';

use Digest::SHA qw(sha1_base64);
use IO::Socket::INET ();
use WheelClient qw(http2_config);
use WheelHttpd qw(libexec_dir slurp);
use WheelPlan;
use WheelRequests qw(listed load_modules);
use WheelServer ();
use WheelTest qw(ends);

plan tests => 8, need 'wheel', 'proxy_http', {
    'HTTP/2 needs threads' => sub { WheelServer::mpm() ne 'prefork' },
    'WebSockets over HTTP/2 need httpd 2.4.58' =>
        sub { slurp(libexec_dir() . '/mod_http2.so') =~ /H2WebSockets/ },
};

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20)
    or die "$!\n";
my $peer   = '127.0.0.1:' . $listener->sockport;
my $server = WheelServer->started(config => join "\n", http2_config(),
    load_modules(qw(proxy proxy_http)), <<"END");
H2WebSockets on
WheelRequests on slow=50ms
ProxyPass "/ws" "http://$peer/ws" upgrade=websocket
END

open my $client, '-|', 'timeout', 60, 'node', '-e', <<'END', $server->port
const connection = require("node:http2")
    .connect(`http://127.0.0.1:${process.argv[1]}`);
connection.on("remoteSettings", () => {
    const tunnel = connection.request({
        ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http",
        ":authority": "here", ":path": "/ws", "sec-websocket-version": "13",
    }, { endStream: false });
    tunnel.on("data", some => console.log(`<${some}>`));
    tunnel.on("response", () => console.log("open"));
    tunnel.on("error", () => {});
    tunnel.on("close", () => {
        console.log(`reset ${tunnel.rstCode}`);
        const other = connection.request({ ":path": "/" });
        other.on("data", some => console.log(`other ${some}`));
        other.on("close", () => connection.close());
    });
});
END
    or die "node: $!\n";
my $backend = $listener->accept;
sysread $backend, my $head, 4096;
my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)/im or die "no key: $head\n";
my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
WheelTest::send_all($backend, "HTTP/1.1 101 Switching Protocols\r\n"
    . "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    . "Sec-WebSocket-Accept: $accept\r\n\r\n");
is scalar <$client>, "open\n", 'a tunnel';
WheelTest::send_all($backend, 'bytes');
is scalar <$client>, "<bytes>\n", 'bytes go through it';
my $row = listed($server, '/ws');
like $server->get("/stop?id=$row->{id}&wait=20&json")->body,
    qr/"outcome":"ended"/, 'a stop ends it';
ok ends($backend), 'the backend sees the end';
like scalar <$client>, qr/^reset [1-9]/, 'the stream is reset, and gets nothing';
is scalar <$client>, "other hello\n", 'another one of the connection is answered';
is $server->get('/')->body, "hello\n", 'the server goes on';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'and no child has died';
