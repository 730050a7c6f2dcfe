# SPDX-License-Identifier: Apache-2.0
# Over HTTP/2, too, a client that goes away stops its wheel, be it with its
# connection or by taking back one request of many.

use strict;
use warnings FATAL => 'all';

use List::Util qw(max);
use Time::HiRes qw(time);
use WheelClient qw(http2_config tls_config vanish_together);
use WheelHttp2 ();
use WheelHttpd qw(free_port);
use WheelPlan;
use WheelServer ();
use WheelTest qw(soonest wait_until);

my @table = (
    [0, 'reset'], [0, 'close'],        [0, 'half close'], [0, 'RST_STREAM'],
    [1, 'reset'], [1, 'silent close'], [1, 'close'],      [1, 'RST_STREAM'],
);
plan tests => 3 * @table + 7, need 'wheel',
    { 'mod_http2 refuses prefork' => sub { WheelServer::mpm() ne 'prefork' } };

my $tls_port = free_port();
my $server   = WheelServer->new(processes => 2, threads => 16);
$server->configure(config => http2_config()
        . tls_config($server->dir, $tls_port, protocols => 'h2 http/1.1')
        . <<'END');
<Location /rotate/kept>
    WheelOnDisconnect continue
</Location>
END
$server->start or die $server->error_log;

my $slowest = 0;
for my $row (@table) {
    my ($tls, $way) = @$row;
    my $what = ($tls ? 'h2 over TLS' : 'h2c') . ", $way";
    my $gone = ended('gone');
    my ($tried, $turned) = (0, 0);
    # Its thread may take longer to see that, where others want the cores.
    my $took = soonest {
        my $client = connect_to($tls);
        my $stream = $client->begin(GET => '/rotate');
        $tried++;
        $turned++ if $server->wait_rotating(1);
        my $began = time;
        $way eq 'RST_STREAM'
            ? $client->take_back($stream)
            : $client->vanish($way);
        wait_until { !$server->rotating };
        time - $began;
    } 1;
    is $turned, $tried, "$what: the wheel turns";
    ok wait_until { !$server->running }, "$what: the wheel ends";
    note sprintf "%.3f s: $what", $took;
    $slowest = max $slowest, $took;
    is ended('gone') - $gone, $tried, "$what: because its client is gone";
    $server->end_wheels;
}
cmp_ok $slowest, '<', 1, 'each of them has been noticed within a second';

# Ten connections at once.
my $gone  = ended('gone');
my $tried = 0;
my $took  = soonest {
    my @clients = map { connect_to(0) } 1 .. 10;
    $_->begin(GET => '/rotate') for @clients;
    $tried++;
    vanish_together($server, @clients);
} 1;
ok wait_until { !$server->running }, 'ten wheels end whose clients vanish';
cmp_ok $took, '<', 1, 'all of them within a second';
is ended('gone') - $gone, 10 * $tried, 'because their clients are gone';

# One that is to go on.
my $stop   = ended('stop');
my $client = connect_to(0);
$client->begin(GET => '/rotate/kept');
$server->wait_rotating(1) or die "no wheel turns\n";
$client->vanish('close');
my ($turns) = map { $_->{turns} } $server->rotating;
ok wait_until {
    my ($wheel) = $server->rotating;
    $wheel && $wheel->{elapsed} > 1 && $wheel->{turns} > $turns
}, 'with WheelOnDisconnect continue a wheel goes on without its client';
is $server->get('/stop/kept')->header('Wheel-Stopped'), 1, 'a stop stops it';
ok wait_until { !$server->running && ended('stop') == $stop + 1 },
    'it ends because of the stop';

sub ended {
    my ($why) = @_;
    return $server->status->{totals}{ended}{$why};
}

sub connect_to {
    my ($tls) = @_;
    return WheelHttp2->new($tls ? $tls_port : $server->port, tls => $tls);
}
