# SPDX-License-Identifier: Apache-2.0
# With WheelProxy on, requests of all kinds that follow one another in few
# workers don't meet each other's state: proxied or not, over plain and kept
# connections, TLS and HTTP/2, with and without mod_reqtimeout.  No child dies,
# and everybody is answered.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(tls_config);
use WheelFaults qw(complaints);
use WheelHttp2 ();
use WheelHttpd qw(free_port libexec_dir);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await read_answers wait_until);

use constant ROUNDS => 4;

plan tests => 11, need 'wheel', need_module 'IO::Socket::SSL';

my $prefork = WheelServer::mpm() eq 'prefork';
my $backend = WheelServer->started(mpm => 'event', threads => 16,
    config => 'WheelForwarded allow');
my $back    = 'http://127.0.0.1:' . $backend->port;
my %port    = map { $_ => free_port() } qw(tls timed);
my $front   = WheelServer->new(
    $prefork ? (processes => 8, threads => 1) : (processes => 1, threads => 8));
$front->configure(config => front_config());
$front->start or die $front->error_log;

my %seen;
for my $round (1 .. ROUNDS) {
    closing_clients($_) for $front->port, $port{timed};
    kept_clients($_)    for $front->port, $port{timed};
    tls_clients();
    http2_clients() unless $prefork;
    slow_clients($_) for $front->port, $port{timed};
    departing_clients();
}
for my $kind (qw(closing kept TLS), $prefork ? () : 'HTTP/2', 'slow') {
    my ($good, $all) = @{ $seen{$kind} };
    is $good, $all, "$kind clients are all answered";
}
pass 'prefork has no HTTP/2' if $prefork;
is $backend->status->{totals}{ended}{gone}, 2 * ROUNDS,
    'the wheels of clients that left have ended';

# A connection to the backend that is opened for a request without WheelProxy
# and kept for one with it.
is $front->get('/off/index.html')->status, 200,
    'a request opens a connection where WheelProxy is off';
my $client = WheelClient->new($front->port);
$client->ask(GET => '/p/rotate');
ok wait_until { $backend->rotating == 1 }, 'a wheel turns behind the proxy';
$client->vanish('close');
ok wait_until { !$backend->running }, 'and ends with its client';

is_deeply [complaints($front)], [], 'no child of the proxy died';
is_deeply [complaints($backend)], [], 'and none of the backend';

# ----------------------------------------------------------------------------

sub front_config {
    my $modules = join '', map {
        qq(LoadModule ${_}_module "@{[libexec_dir()]}/mod_$_.so"\n)
    } qw(proxy proxy_http reqtimeout), $prefork ? () : 'http2';
    my $protocols = $prefork ? 'http/1.1' : 'h2 http/1.1';
    return $modules
        . tls_config($front->dir, $port{tls}, protocols => $protocols)
        . <<"END";
RequestReadTimeout handshake=0 header=0 body=0
WheelReserve 0
<Location "/p/">
    WheelProxy on
    ProxyPass "$back/" connectiontimeout=5
</Location>
<Location "/off/">
    ProxyPass "$back/" connectiontimeout=5
</Location>
Listen 127.0.0.1:$port{timed}
<VirtualHost 127.0.0.1:$port{timed}>
    RequestReadTimeout header=20-40,MinRate=500 body=20,MinRate=500
</VirtualHost>
<VirtualHost 127.0.0.1:$port{tls}>
    RequestReadTimeout handshake=20 header=20-40,MinRate=500
</VirtualHost>
END
}

sub count {
    my ($kind, $all, @statuses) = @_;
    $seen{$kind}[0] += grep { ($_ // 0) == 200 } @statuses;
    $seen{$kind}[1] += $all;
    return;
}

sub closing_clients {
    my ($port) = @_;
    my @answers = map {
        WheelClient->new($port)->ask(GET => $_, headers => [Connection => 'close'])
    } ('/p/index.html') x 6, '/index.html', '/off/index.html';
    await(@answers);
    return count(closing => 8, map { $_->status } @answers);
}

sub kept_clients {
    my ($port) = @_;
    my $kept = WheelClient->new($port);
    for my $target ('/p/index.html', '/index.html', '/p/index.html') {
        my $answer = $kept->ask(GET => $target);
        await($answer);
        count(kept => 1, $answer->status);
    }
    $kept->send(join '', map { $kept->head(GET => $_) }
            '/p/index.html', '/index.html', '/p/index.html');
    return count(kept => 3, map { $_->status }
            read_answers($kept->socket, ('GET') x 3));
}

sub tls_clients {
    my @answers = map { $_->ask(GET => '/p/index.html') }
        map { WheelClient->new($port{tls}, tls => 1) } 1 .. 3;
    await(@answers);
    return count(TLS => 3, map { $_->status } @answers);
}

sub http2_clients {
    my $client = WheelHttp2->new($port{tls}, tls => 1);
    my @streams = map { $client->begin(GET => $_) }
        '/p/index.html', '/index.html', '/p/index.html';
    $client->await(@streams);
    count('HTTP/2' => 3, map { $client->answer($_)->{status} } @streams);
    return;
}

# Half a request, and the rest of it once others were served meanwhile.
sub slow_clients {
    my ($port) = @_;
    my @slow = map { WheelClient->new($port) } 1 .. 2;
    $_->send("GET /index.html HTTP/1.1\r\n") for @slow;
    closing_clients($port);
    my @answers = map { WheelTest::Answer->new($_->socket, 'GET') } @slow;
    $_->send("Host: 127.0.0.1\r\nConnection: close\r\n\r\n") for @slow;
    await(@answers);
    return count(slow => 2, map { $_->status } @answers);
}

# Their connections to the backend end with them.
sub departing_clients {
    my @clients = map { WheelClient->new($front->port) } 1 .. 2;
    $_->ask(GET => '/p/rotate') for @clients;
    wait_until { $backend->rotating == 2 };
    $_->vanish('close') for @clients;
    wait_until { !$backend->running };
    return;
}
