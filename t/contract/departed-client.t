# SPDX-License-Identifier: Apache-2.0
# A client that goes away, in whatever way and over whatever protocol, ends its
# wheel: no job is left without a client.

use strict;
use warnings FATAL => 'all';

use List::Util qw(max);
use Time::HiRes qw(sleep time);
use WheelClient qw(tls_config vanish_together);
use WheelHttpd qw(free_port);
use WheelPlan;
use WheelServer ();
use WheelTest qw(cpu_seconds soonest wait_until);

# Protocol, TLS or not, how the client goes, and what it sent besides.
my $more  = "GET /stop/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" x 50;
my @table = (
    ['1.1', 0, 'reset'],
    ['1.1', 0, 'close'],
    ['1.1', 0, 'reset', $more],
    ['1.1', 0, 'close', $more],
    ['1.1', 1, 'reset'],
    ['1.1', 1, 'close'],
    ['1.1', 1, 'silent close'],
    ['1.1', 1, 'close', $more],
    ['1.0', 0, 'reset'],
    ['1.0', 0, 'close'],
    ['1.0', 0, 'half close'],
    ['1.0', 1, 'close'],
);
plan tests => 3 * @table + 4, need_module 'wheel';

my $tls_port = free_port();
my $server   = WheelServer->new(processes => 2, threads => 16);
$server->configure(config => tls_config($server->dir, $tls_port));
$server->start or die $server->error_log;

my $slowest = 0;
for my $row (@table) {
    my ($version, $tls, $way, $bytes) = @$row;
    my $what = "HTTP/$version" . ($tls ? ' over TLS' : '') . ", $way"
        . ($bytes ? ' with more requests behind' : '');
    my $gone = ended('gone');
    my ($tried, $turned) = (0, 0);
    # Its thread may take longer to see that, where others want the cores.
    my $took = soonest {
        my $client
            = WheelClient->new($tls ? $tls_port : $server->port, tls => $tls);
        $client->send($client->head(GET => '/rotate', version => $version)
                . ($bytes // ''));
        $tried++;
        $turned++ if $server->wait_rotating(1);
        my $began = time;
        $client->vanish($way);
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
note sprintf 'the slowest of them was noticed after %.3f s', $slowest;
cmp_ok $slowest, '<', 1, 'each of them has been noticed within a second';

# Ten at once, and what the server uses afterwards.
my $took = soonest {
    my @clients = map { WheelClient->new($server->port) } 1 .. 10;
    $_->send($_->head(GET => '/rotate')) for @clients;
    vanish_together($server, @clients);
} 1;
ok wait_until { !$server->running }, 'ten wheels end whose clients vanish';
cmp_ok $took, '<', 1, 'all of them within a second';
my ($used, $over) = (9, 1);
wait_until {
    my @pids = $server->children;
    my ($before, $began) = (cpu_seconds(@pids), time);
    sleep 0.5;
    ($used, $over) = (cpu_seconds(@pids) - $before, time - $began);
    $used / $over < 0.1;
};
note sprintf '%.3f CPU seconds a second are left of ten wheels', $used / $over;
cmp_ok $used / $over, '<', 0.1, 'and the server uses no CPU time after them';

sub ended {
    my ($why) = @_;
    return $server->status->{totals}{ended}{$why};
}
