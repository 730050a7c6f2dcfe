# SPDX-License-Identifier: Apache-2.0
# With WheelOnDisconnect continue a wheel goes on when its client has gone away,
# until somebody stops it or its time is over.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(tls_config);
use WheelHttpd qw(free_port);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

my @ways = ('reset', 'close', 'half close');
plan tests => 10, need_module 'wheel';

my $tls_port = free_port();
my $server   = WheelServer->new(processes => 2, threads => 16);
$server->configure(
    config => tls_config($server->dir, $tls_port) . <<'END');
WheelOnDisconnect continue
<Location /rotate/watched>
    WheelOnDisconnect stop
</Location>
END
$server->start or die $server->error_log;

my @clients;
for my $tls (0, 1) {
    push @clients,
        map { WheelClient->new($tls ? $tls_port : $server->port, tls => $tls) }
        @ways;
}
push @clients, WheelClient->new($server->port);
my @names = (('') x 6, '/watched');
$clients[$_]->send($clients[$_]->head(GET => "/rotate$names[$_]"))
    for 0 .. $#clients;
ok $server->wait_rotating(7), 'seven wheels turn';

my $before = ended();
$clients[$_]->vanish($ways[$_ % 3]) for 0 .. 5;
$clients[6]->vanish('close');
ok wait_until { ended()->{gone} > $before->{gone} },
    'one ends whose Location says so';
is $server->rotating, 6, 'the others go on without clients';

my %turns = map { $_->{id} => $_->{turns} } $server->rotating;
ok wait_until {
    6 == grep { $_->{turns} > $turns{ $_->{id} } } $server->rotating
}, 'each of them still turns';

# It may end before anybody has seen it, on a machine that is slow.
my $timed = WheelClient->new($server->port);
$timed->send($timed->head(GET => '/rotate/timed?wait=1'));
wait_until { $server->status->{totals}{started} == 8 };
$timed->vanish('close');
ok wait_until { ended()->{deadline} > $before->{deadline} },
    'one more ends at its deadline';
is $server->rotating, 6, 'the other six still turn, a second on';
is ended()->{gone} - $before->{gone}, 1, 'no other has been missed';

is $server->get('/stop')->header('Wheel-Stopped'), 6, 'a stop stops them';
ok wait_until { !$server->running }, 'they end';
is ended()->{stop} - $before->{stop}, 6, 'because of the stop';

sub ended { return $server->status->{totals}{ended} }
