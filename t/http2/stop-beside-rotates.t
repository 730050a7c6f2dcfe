# SPDX-License-Identifier: Apache-2.0
# Over HTTP/2, /stop is answered on the very connection that rotates fill, also
# after the client has taken many of them back, and on a new one when all the
# workers that mod_http2 lets wheels have are taken.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(http2_config);
use WheelHttp2 ();
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 20, need 'wheel',
    { 'mod_http2 refuses prefork' => sub { WheelServer::mpm() ne 'prefork' } };

# One process, where what is full can't be had elsewhere.  Each connection holds
# a thread under the worker MPM.
my $workers = 48;
my $server  = WheelServer->started(
    processes => 1, threads => 60,
    config => http2_config() . <<"END");
H2MinWorkers $workers
H2MaxWorkers $workers
END

# More rotates on one connection than it may run at once.
my $client  = connect_to();
my @streams = map { $client->begin(GET => '/rotate') } 1 .. 20;
ok $server->wait_rotating(1), 'of twenty rotates on one connection, one turns';
my @refused;
ok wait_until {
    $client->wait_done(0.1, @streams);
    @refused = grep { ($_->{status} // 0) == 503 }
        map { $client->answer($_) } @streams;
    @refused == 19;
}, 'the others are answered 503';
is grep({ $_->{'retry-after'} } @refused), 19, 'with Retry-After';
is stopped($client), 'answered 200', 'a stop on that connection is answered';
is $client->await(@streams), 20, 'and the one that turned, too';
is numbers($client, @streams), 1, 'with its number';

# Each request that is taken back makes mod_http2 trust the client less.
for my $round (1 .. 12) {
    my $stream = $client->begin(GET => '/rotate');
    $server->wait_rotating(1);
    $client->take_back($stream);
    wait_until { !$server->running };
}
@streams = map { $client->begin(GET => '/rotate') } 1 .. 3;
ok $server->wait_rotating(1), 'after twelve that were taken back, one turns';
is stopped($client), 'answered 200',
    'a stop on that connection is answered all the same';
is $client->await(@streams), 3, 'and all requests, too';

# Several that are taken back while they turn or wait.
@streams = map { $client->begin(GET => '/rotate') } 1 .. 4;
$server->wait_rotating(1);
$client->take_back($_) for @streams[0 .. 2];
is stopped($client), 'answered 200',
    'a stop right behind what has been taken back is answered';
ok wait_until { !$server->running }, 'nothing turns then';

# A stop that comes in one packet with the rotates.
@streams = map { $client->begin(GET => '/rotate') } 1 .. 6;
is stopped($client), 'answered 200', 'a stop right behind rotates is answered';
# One of them may have begun to turn after it.
ok wait_until {
    $client->wait_done(0.5, @streams) == 6 || !stopped($client);
}, 'and the rotates';

# More connections to one process than may rotate: mod_http2 forgets requests
# that come while all its workers are busy, so wheels leave it half of them.
my @clients = map { connect_to() } 1 .. 40;
my @pairs   = map { [$_, $_->begin(GET => '/rotate')] } @clients;
my @answers = map { $_->[0]->answer($_->[1]) } @pairs;
wait_until {
    WheelHttp2::wait_all(0.1, @pairs) + $server->rotating == @pairs;
};
is $server->rotating, $workers / 2,
    'forty connections turn half as many wheels as HTTP/2 has workers';
is grep({ ($_->{status} // 0) == 503 } @answers), 40 - $workers / 2,
    'the others have been answered 503';
my $heard = 0;
for my $round (1 .. 20) {
    my @few = map { [$_, $_->begin(GET => '/stop/nobody')] }
        @clients[map { ($round * 7 + $_) % 40 } 1 .. 20];
    $heard += WheelHttp2::wait_all(WheelTest::LIMIT_SEC, @few);
}
is $heard, 20 * 20, 'twenty at a time can ask for a stop';
my $new = connect_to();
is stopped($new), 'answered 200', 'a stop on a new connection is answered';
is WheelHttp2::wait_all(WheelTest::LIMIT_SEC, @pairs), 40, 'and all the rotates are';
is scalar(grep { $_->{body} =~ /\A"Your lucky/ } @answers), $workers / 2,
    'those that turned, with their numbers';
ok wait_until { !$server->running }, 'nothing turns any more';

sub connect_to { return WheelHttp2->new($server->port) }

# Ask for a stop and say how it went.
sub stopped {
    my ($on) = @_;
    my $answer = $on->request(GET => '/stop');
    return ($answer->{done} // 'not answered') . ' ' . ($answer->{status} // '');
}

# How many of these have a number.
sub numbers {
    my ($on, @of) = @_;
    return scalar grep { $on->answer($_)->{body} =~ /\A"Your lucky/ } @of;
}
