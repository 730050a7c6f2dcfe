# SPDX-License-Identifier: Apache-2.0
# A client that is refused and takes its time to read that and to hang up holds
# no worker meanwhile, and has its answer whenever it does read.

use strict;
use warnings FATAL => 'all';

use List::Util qw(max);
use Time::HiRes qw(time);
use WheelClient qw(tls_config);
use WheelHttpd qw(free_port);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

# Each would hold a worker for two seconds: twelve workers, if no wheel found
# room, would be back after twenty.
use constant { CLIENTS => 120, WORKERS => 12, LIMIT_SEC => 15 };

plan tests => 9, need_module 'wheel';

my $prefork  = WheelServer::mpm() eq 'prefork';
my $tls_port = free_port();
my $server   = WheelServer->new(
    processes => $prefork ? WORKERS : 1, threads => $prefork ? 1 : WORKERS
);
$server->configure(config => tls_config($server->dir, $tls_port));
$server->start or die $server->error_log;
my @wheels = map { $server->begin(GET => '/rotate') } 1 .. WORKERS;
wait_until { collect(0, @wheels) + $server->rotating == WORKERS };

# Some send more behind their rotate, some speak TLS.
my $more = "GET /stop/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
my @kinds = ([0, ''], [0, ''], [0, $more], [1, '']);
my (@clients, @answers);
for my $n (1 .. CLIENTS) {
    my ($tls, $behind) = @{ $kinds[$n % @kinds] };
    my $client
        = WheelClient->new($tls ? $tls_port : $server->port, tls => $tls);
    $client->send($client->head(GET => '/rotate') . $behind);
    push @clients, $client;
    push @answers, WheelTest::Answer->new($client->socket, 'GET');
}
my $slowest = 0;
for my $target ('/stop/nobody', '/server-status?auto', '/index.html') {
    my $answer = $server->get($target);
    ok $answer->done, "$target is answered while nobody has read";
    $slowest = max $slowest, $answer->seconds;
}
note sprintf 'the slowest answer took %.3f s', $slowest;
cmp_ok $slowest, '<', LIMIT_SEC, 'and soon';
ok wait_until {
    my $refused = $server->status->{totals}{refused}{reserve};
    $refused + $server->rotating == CLIENTS + WORKERS;
}, 'all of them have been refused, but for those that found room';

my $stopped = $server->get('/stop')->header('Wheel-Stopped');
is await(@answers, @wheels), CLIENTS + WORKERS,
    'all have their answers when they read';
my @refused = grep { ($_->status // 0) == 503 } @answers, @wheels;
is @refused + $stopped, CLIENTS + WORKERS, 'a refusal, who had no wheel';
is grep({ ($_->body // '') =~ /\A\{.*"status":503.*\}\z/ } @refused), @refused,
    'whole ones';
is grep({ $_->{reset} } @answers), 0, 'no connection has been reset';
