# SPDX-License-Identifier: Apache-2.0
# Clients that send their request a byte a minute, and those that keep an idle
# connection, hold workers, too.  Wheels leave WheelReserve workers idle beside
# them, so that some more of these still don't keep a stop from being answered.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

use constant {
    WORKERS => 16, RESERVE => 5, EARLY => 3, LATE => 4
};


plan tests => 13, need_module 'wheel';

my $prefork = WheelServer::mpm() eq 'prefork';
my $server  = WheelServer->started(
    processes => $prefork ? WORKERS : 1, threads => $prefork ? 1 : WORKERS,
    config    => "WheelReserve @{[RESERVE]}\nKeepAliveTimeout 600\n"
);

my @slow = map { slow_client() } 1 .. EARLY - 1;
my $kept = WheelClient->new($server->port);
is await($kept->ask(GET => '/stop/nobody')), 1,
    'a client is answered and keeps its connection';

# Under event a connection that is kept alive holds no worker.
my $held = $server->mpm eq 'event' ? EARLY - 1 : EARLY;
ok wait_until { busy() == $held }, "$held workers are busy with slow clients";

my @rotates;
my $room = WORKERS - RESERVE - $held;
ok wait_until {
    my $wheel = $server->begin(GET => '/rotate');
    wait_until { collect(0, $wheel) || $server->rotating > @rotates };
    push @rotates, $wheel unless $wheel->done;
    return @rotates == $room;
}, "$room wheels turn beside them";
my @refused = map { $server->get('/rotate') } 1 .. 5;
is grep({ $_->status == 503 } @refused), 5, 'not one more';
ok wait_until { $server->status->{workers}{idle} == RESERVE - 1 },
    "@{[RESERVE]} workers are idle, but for who asks";

answered('before more slow clients come');
push @slow, map { slow_client() } 1 .. LATE;
ok wait_until { busy() == $room + $held + LATE },
    "@{[LATE]} more slow clients hold workers of the reserve";
answered('when they have come');
# Without the reserve, nobody would be answered.
is $server->get('/stop')->header('Wheel-Stopped'), $room, 'a stop stops all wheels';
is await(@rotates), $room, 'all rotates are answered';
is grep({ ($_->body // '') =~ /\A"Your lucky number/ } @rotates), $room,
    'with their numbers';

my @late = map {
    $_->send("x\r\n\r\n");
    WheelTest::Answer->new($_->socket, 'GET')
} @slow;
is await(@late), @slow, 'the slow clients are answered, too';
is grep({ $_->status == 404 } @late), @slow, 'as others are';

# A client in the middle of its request.
sub slow_client {
    my $client = WheelClient->new($server->port);
    my $whole  = $client->head(GET => '/stop/nobody', headers => [Slow => 'x']);
    $client->send($whole =~ s/x\r\n\r\n\z//r);
    return $client;
}

# Workers that are not idle, but for who asks.
sub busy { return $server->status->{workers}{busy} - 1 }

sub answered {
    my ($when) = @_;
    my @answers = map { $server->get($_) }
        qw(/stop/nobody /server-status?auto /index.html);
    return is join(' ', map { $_->status // 'none' } @answers), '404 200 200',
        "others are answered $when";
}
