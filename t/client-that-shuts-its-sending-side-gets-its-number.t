# A client that shuts its sending side once it has asked, as nc does, still
# waits for its number, and gets it; but when it goes away for good, its wheel
# ends, however late that is.

use strict;
use warnings FATAL => 'all';

use Apache::Test qw(-withtestmore);
use Time::HiRes qw(sleep time);
use WheelClient qw(tls_config);
use WheelHttpd qw(free_port);
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 17, need_module 'wheel';

my $tls_port = free_port();
my $server   = WheelServer->new(processes => 2, threads => 16);
$server->configure(config => tls_config($server->dir, $tls_port));
$server->start or die $server->error_log;

# What each client is, and whether it asks for more behind its rotate.
my $more    = "GET /stop/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
my @clients = (
    map { { %$_, client => WheelClient->new($_->{port}, tls => $_->{tls}) } }
        { what => 'plain',    port => $server->port, tls => 0 },
    { what => 'TLS',          port => $tls_port,     tls => 1 },
    { what => 'with more',    port => $server->port, tls => 0, more => $more },
    { what => 'closes later', port => $server->port, tls => 0 },
    { what => 'closes TLS later', port => $tls_port, tls => 1 },
);
for (@clients) {
    my $client = $_->{client};
    $client->send($client->head(GET => '/rotate') . ($_->{more} // ''));
    $_->{answer} = WheelTest::Answer->new($client->socket, 'GET');
}
ok $server->wait_rotating(5), 'five wheels turn';
my $began = time;
$_->{client}->vanish('half close') for @clients;
my @answers = map { $_->{answer} } @clients;
ok interim(1, @answers), 'each of the five gets an interim answer';
is scalar $server->rotating, 5, 'none of the five wheels ends by that';

# Once is not enough: what has not gone away by the first interim answer may do
# so after it.
ok interim(4, @answers[3, 4]), 'interim answers keep coming';
is scalar $server->rotating, 5, 'all five wheels still turn';
my $gone = $server->status->{totals}{ended}{gone};
$_->{client}->vanish('silent close') for @clients[3, 4];
my $closed = time;
ok wait_until(sub { $server->rotating == 3 }, 9),
    'the wheels of two that close for good end';
note sprintf '%.3f s after they closed', time - $closed;
cmp_ok time - $closed, '<', 1.5, 'soon';
is $server->status->{totals}{ended}{gone} - $gone, 2,
    'because their clients are gone';

# The others are patient.
ok wait_until { collect(0.2, @answers[0 .. 2]); time - $began > 10.5 },
    'ten seconds go by';
is scalar $server->rotating, 3, 'the wheels of the other three still turn';
is $server->get('/stop')->header('Wheel-Stopped'), 3, 'a stop stops them';
is collect(5, @answers[0 .. 2]), 3, 'all three are answered';
is grep({ $_->status == 200 && $_->body =~ /\A"Your lucky number is \d!"\z/ }
    @answers[0 .. 2]),
    3, 'each has its number';
is grep({ $_->header('Wheel-Stopped-By') eq 'stop' } @answers[0 .. 2]), 3,
    'and was stopped';
note "interim answers: @{[map { $_->{interim} } @answers]}";

my $next = WheelTest::Answer->new($clients[2]{client}->socket, 'GET');
$next->{bytes} = $answers[2]{bytes};
$next->parse;
is collect(5, $next), 1, 'what stood behind a rotate is answered after it';
is $next->status, 404, 'as it would be by itself';
ok wait_until { !$server->running }, 'nothing turns any more';

# Read until each has had so many interim answers.
sub interim {
    my ($count, @of) = @_;
    return wait_until {
        collect(0.05, @of);
        @of == grep { ($_->{interim} // 0) >= $count } @of
    };
}
