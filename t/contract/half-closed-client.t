# SPDX-License-Identifier: Apache-2.0
# A client that shuts its sending side once it has asked, as nc does, still
# waits for its number, and gets it; but when it goes away for good, its wheel
# ends, however late that is.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelClient qw(tls_config);
use WheelHttpd qw(free_port);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect soonest wait_until);

plan tests => 17, need_module 'wheel';

my $tls_port = free_port();
my $server   = WheelServer->new(processes => 2, threads => 16);
$server->configure(config => tls_config($server->dir, $tls_port));
$server->start or die $server->error_log;

# What each client is, and whether it asks for more behind its rotate.
my $more    = "GET /stop/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
my @kinds = (
    { what => 'plain',            port => $server->port, tls => 0 },
    { what => 'TLS',              port => $tls_port,     tls => 1 },
    { what => 'with more',        port => $server->port, tls => 0,
        more => $more },
    { what => 'closes later',     port => $server->port, tls => 0 },
    { what => 'closes TLS later', port => $tls_port,     tls => 1 },
);
my @clients = clients(@kinds);
ok $server->wait_rotating(5), 'five wheels turn';
$_->{client}->vanish('half close') for @clients;
my @answers = map { $_->{answer} } @clients;
ok interim(1, @answers), 'each of the five gets an interim answer';
is scalar $server->rotating, 5, 'none of the five wheels ends by that';

# Once is not enough: what has not gone away by the first interim answer may do
# so after it.
ok interim(4, @answers[3, 4]), 'interim answers keep coming';
is scalar $server->rotating, 5, 'all five wheels still turn';
my $gone = $server->status->{totals}{ended}{gone};
my @late = @clients[3, 4];
my $left = 0;
my $took = soonest {
    if ($left) {
        @late = clients(@kinds[3, 4]);
        $server->wait_rotating(5);
        $_->{client}->vanish('half close') for @late;
        interim(1, map { $_->{answer} } @late);
    }
    my $closed = time;
    $_->{client}->vanish('silent close') for @late;
    $left += @late;
    wait_until { $server->rotating == 3 };
    time - $closed;
} 1.5;
is scalar $server->rotating, 3, 'the wheels of two that close for good end';
note sprintf '%.3f s after they closed', $took;
cmp_ok $took, '<', 1.5, 'soon';
ok wait_until { $server->status->{totals}{ended}{gone} - $gone == $left },
    'because their clients are gone';

# The others are patient.
ok interim(8, @answers[0 .. 2]), 'eight interim answers later';
is scalar $server->rotating, 3, 'the wheels of the other three still turn';
is $server->get('/stop')->header('Wheel-Stopped'), 3, 'a stop stops them';
is await(@answers[0 .. 2]), 3, 'all three are answered';
is grep({ $_->status == 200 && $_->body =~ /\A"Your lucky number is \d!"\z/ }
    @answers[0 .. 2]),
    3, 'each has its number';
is grep({ $_->header('Wheel-Stopped-By') eq 'stop' } @answers[0 .. 2]), 3,
    'and was stopped';
note "interim answers: @{[map { $_->{interim} } @answers]}";

my $next = WheelTest::Answer->new($clients[2]{client}->socket, 'GET');
$next->{bytes} = $answers[2]{bytes};
$next->parse;
is await($next), 1, 'what stood behind a rotate is answered after it';
is $next->status, 404, 'as it would be by itself';
ok wait_until { !$server->running }, 'nothing turns any more';

# Such clients, which have asked for a wheel, and what is to be their answer.
sub clients {
    return map {
        my $client = WheelClient->new($_->{port}, tls => $_->{tls});
        $client->send($client->head(GET => '/rotate') . ($_->{more} // ''));
        my $answer = WheelTest::Answer->new($client->socket, 'GET');
        +{ %$_, client => $client, answer => $answer };
    } @_;
}

# Read until each has had so many interim answers.
sub interim {
    my ($count, @of) = @_;
    return wait_until {
        collect(0.05, @of);
        @of == grep { ($_->{interim} // 0) >= $count } @of
    };
}
