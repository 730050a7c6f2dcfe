# SPDX-License-Identifier: Apache-2.0
# Requests that wait for a backend or a client end when they are stopped: a
# silent backend of mod_proxy_http, mod_proxy_uwsgi or a WebSocket, which sees
# its client go, and a client that takes nothing or sends nothing.

use strict;
use warnings FATAL => 'all';

use IO::Select ();
use IO::Socket::INET ();
use Time::HiRes qw(sleep time);
use WheelClient qw(tls_config);
use WheelHttpd qw(free_port user_modules);
use WheelPlan;
use WheelRequests qw(listed load_modules stop_listed);
use WheelServer ();
use WheelTest qw(collect ends wait_until);

my @backends = qw(http uwsgi ws);
plan tests => 4 * @backends + 20, need_module 'wheel';

# A backend that takes connections and what is sent, and answers nothing, but
# for the head of a WebSocket.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20,
    ReuseAddr => 1) or die "$!\n";
my $backend = '127.0.0.1:' . $listener->sockport;
my $tls_port = free_port();
# Answers of this size are not sent at once to a client that reads nothing, and
# httpd keeps the rest of them: event without a worker, others while they run the
# client's next request.
my @unsent_kb = (64, 80, 96, 112);
my @pipelined_kb = WheelServer::mpm() eq 'event' ? () : @unsent_kb;
my $server  = WheelServer->new(processes => 1, threads => 8, config => '');
$server->configure(config => <<"END");
@{[load_modules(qw(proxy proxy_http proxy_uwsgi proxy_wstunnel ssl socache_shmcb))]}
@{[user_modules('test_busy')]}
@{[tls_config($server->dir, $tls_port) =~ s/^LoadModule.*\n//r]}
WheelRequests on slow=100ms
LogFormat "%U %>s %{wheel-stopped-by}n" stopped
CustomLog stopped stopped
ProxyPass "/http" "http://$backend/"
ProxyPass "/uwsgi" "uwsgi://$backend/"
ProxyPass "/ws" "ws://$backend/"
SendBufferSize 4096
<LocationMatch "/(busy|late)">
    SetHandler test-busy
</LocationMatch>
<Location "/late">
    WheelTimeout 300ms action=log
</Location>
END
$server->start or die $server->error_log;
WheelHttpd::spew($server->dir . '/htdocs/big', 'x' x (30 * 1024 * 1024));

for my $name (@backends) {
    my $answer = $name eq 'ws'
        ? $server->begin(GET => "/ws", headers => [
            Connection => 'Upgrade', Upgrade => 'websocket',
            'Sec-WebSocket-Version' => 13,
            'Sec-WebSocket-Key' => 'x3JJHMbDL1EzLkh9GBhXDw==',
        ])
        : $server->begin(GET => "/$name");
    my $accepted = $listener->accept;
    if ($name eq 'ws') {
        sysread $accepted, my $head, 4096;
        syswrite $accepted, "HTTP/1.1 101 Switching Protocols\r\n"
            . "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    }
    my $row = listed($server, "/$name");
    ok $row, "$name: a silent backend: listed";
    ok stop_listed($server, "/$name", $answer), "$name: it ends";
    $name eq 'ws'
        ? ok !defined $answer->body, "$name: its client sees the end"
        : is $answer->status, 503, "$name: its client is told";
    ok ends($accepted), "$name: the backend sees its client go";
}

# A client that takes nothing of a large file.
my $slow = slow_client($server->port);
my $row  = listed($server, '/big');
is $row->{state}, 'sending', 'a client that takes nothing: listed';
is stop('/big'), 200, 'a stop';
ok gone('/big'), 'ends it';
my $got = drain($slow);
ok $got < 30 * 1024 * 1024, 'its client gets a part';
ok wait_until { $server->file_text('stopped') =~ m{^/big 200 stop$}m },
    'the access log says that it was stopped';

# A limit that is reached before the handlers return, and is only logged.  Once
# it is logged for another request, the helper has looked at all.
mkdir $server->dir . '/htdocs/late' or die "late: $!\n";
my @late = map {
    WheelHttpd::spew($server->dir . "/htdocs/late/$_", 'x' x ($_ * 1024));
    slow_client($server->port, path => "/late/$_?late=0.6");
} @unsent_kb;
ok wait_until {
    grep { !defined $_->{thread} } rows(map {"/late/$_"} @unsent_kb);
}, 'answers that are not sent when their handlers return: listed';
$server->get('/late/none?wait=0.6');
my %limits;
$limits{$_}++ for $server->error_log =~ /WH0103: request (\d+)/g;
is join(' ', values %limits), join(' ', (1) x (1 + @late)),
    'a limit is logged once a request';
$_->vanish('reset') for @late;

# A client that sends its next request before it has read the answer: under
# event, that request begins once the answer is sent.
my @pipelines = map {
    WheelHttpd::spew($server->dir . "/htdocs/$_", 'x' x ($_ * 1024));
    slow_client($server->port, path => "/$_", then => '/busy?write');
} @pipelined_kb;
my @busy = rows('/busy');
ok wait_until { @pipelined_kb == (@busy = rows('/busy')) },
    'the next request on a connection is a job, too'
    or diag explain $server->status->{requests};
ok !@pipelined_kb || rows(map {"/$_"} @pipelined_kb),
    'beside one whose answer is not sent';
stop($_) for map { "id=$_->{id}" } @busy;
ok gone('/busy'), 'stops end these requests';
$_->vanish('reset') for @pipelines;
ok gone(map {"/$_"} @pipelined_kb), 'the others end with their clients';

my $tls = slow_client($tls_port, tls => 1);
ok listed($server, '/big'), 'the same over TLS: listed';
stop('/big');
ok gone('/big'), 'a stop ends it';

my $writer = slow_client($server->port, path => '/busy?flood');
ok listed($server, '/busy', sub { $_[0]{state} eq 'sending' }),
    'a handler that waits for its client: listed';
stop('/busy');
ok gone('/busy'), 'a stop ends it';

my $reader = $server->begin(POST => '/busy?body',
    headers => ['Content-Length' => 10]);
listed($server, '/busy', sub { $_[0]{state} eq 'reading' });
ok stop_listed($server, '/busy', $reader),
    'a handler that waits for a body ends';
is $reader->status, 503, 'its client is told';

my $right = grep { ($server->get('/')->body // '') eq "hello\n" } 1 .. 200;
is $right, 200, 'the next requests are right';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'and no child has died';
my @children = $server->children;
ok @children > 0, 'the server goes on';

sub rows {
    my %wanted = map { $_ => 1 } @_;
    return grep { $wanted{ $_->{path} } } @{ $server->status->{requests} };
}

sub gone {
    my @paths = @_;
    return wait_until { !rows(@paths) };
}

sub stop {
    my ($filter) = @_;
    $filter = "path=$filter" if $filter =~ m{^/};
    return $server->get("/stop?$filter")->status;
}

# A client that asks and takes nothing of the answer.
sub slow_client {
    my ($port, %opt) = @_;
    my $client = WheelClient->new($port, tls => $opt{tls});
    setsockopt $client->socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
    $client->send(join '', map { $client->head(GET => $_) } $opt{path} // '/big',
        $opt{then} // ());
    return $client;
}

# The bytes that still come until the connection ends.
sub drain {
    my ($client) = @_;
    my ($bytes, $end) = (0, time + WheelTest::LIMIT_SEC);
    while (time < $end) {
        my $n = sysread $client->socket, my $some, 65536;
        if (defined $n) { last unless $n; $bytes += $n; }
        elsif ($!{EAGAIN}) { sleep 0.01 }
        else               { last }
    }
    return $bytes;
}
