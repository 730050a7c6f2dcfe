# SPDX-License-Identifier: Apache-2.0
# conf/cluster/balancer.conf in front of two hosts: it spreads wheels, keeps
# workers for /stop, starts no wheel twice, and when a client leaves it, in
# whatever way, the host behind it ends the wheel.

use strict;
use warnings FATAL => 'all';

use List::Util qw(sum);
use WheelBalancer ();
use WheelClient ();
use WheelHttpd qw(libexec_dir);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

plan tests => 24, need_module 'wheel';

# The hosts' MPM has no part in it.  A proxy by SetHandler appends the name of a
# file to its URL; below the root that is one segment, the name of a wheel.
my @hosts = map {
    WheelServer->started(mpm => 'event', threads => 24, config => <<"END")
LoadModule rewrite_module @{[libexec_dir()]}/mod_rewrite.so
WheelForwarded allow
RewriteEngine On
RewriteRule "^/any" "/rotate" [PT]
END
} 1 .. 2;
my @addresses = map { '127.0.0.1:' . $_->port } @hosts;
my $proxy     = WheelBalancer->started(\@addresses);

# One after the other: two at once may both see the same host as the idler one.
my @wheels;
ok !grep({
    push @wheels, $proxy->begin(GET => '/rotate');
    !wait_until { turning() == @wheels };
} 1 .. 6), 'wheels turn behind the balancer';
is_deeply [map { scalar $_->rotating } @hosts], [3, 3],
    'each host has as many as the other';
is_deeply [map { $_->{client} } map { $_->rotating } @hosts],
    [('127.0.0.1') x 6], 'and knows of a client';
is $proxy->get('/stop/nobody')->status, 404, 'the balancer passes on /stop';
is $proxy->get('/wheel-status?json')->status, 200, 'and /wheel-status';
stop_all();
is await(@wheels), 6, 'stopped wheels are answered';
is grep({ $_->body =~ /\A"Your lucky number is \d!"\z/ } @wheels), 6,
    'with their numbers';

for my $way ('close', 'reset') {
    my $gone   = ended('gone');
    my $client = WheelClient->new($proxy->port);
    $client->ask(GET => '/rotate');
    ok wait_until { turning() == 1 }, "$way: the wheel turns";
    $client->vanish($way);
    ok wait_until { !running() }, "$way: it ends with its client";
    is ended('gone') - $gone, 1, "$way: because the client is gone";
}

my $client = WheelClient->new($proxy->port);
my $answer = $client->ask(GET => '/rotate');
wait_until { turning() == 1 };
$client->vanish('half close');
ok wait_until { collect(0, $answer); $answer->{interim} },
    'a client that shut its sending side is asked whether it still reads';
is turning(), 1, 'and keeps its wheel';
stop_all();
await($answer);
is $answer->status, 200, 'and gets its number';

# A host's process dies under a wheel.
my $started = started();
my $wheel   = $proxy->begin(GET => '/rotate');
wait_until { turning() == 1 };
my ($host) = grep { $_->rotating } @hosts;
$host->kill_child(($host->rotating)[0]{pid});
await($wheel);
is $wheel->status, 502, 'a wheel that a host loses is an error';
is started() - $started, 1, 'and is not begun again on another host';

# Only a few workers may hold wheels.  What the server says holds for /rotate,
# but not for /stop, which says something else.
undef $proxy;
my $kept = WheelServer::mpm() eq 'prefork' ? 155 : 315;
$proxy = WheelBalancer->started(\@addresses, idle => $kept + 1, change => sub {
    s/^WheelReserve .*/WheelReserve $kept\nWheelProxy on/m;
    s{"/rotate">(\s+WheelProxy) on}{"/stop">$1 off};
    $_ .= <<"END";
DocumentRoot "/"
<Location "/handler">
    SetHandler "proxy:http://$addresses[0]/any"
</Location>
END
    s{^(ProxyPass "/server-status" "!")}{$1\nProxyPass "/handler" "!"}m;
});
my @many;
# One after the other: twenty workers that ask at once are all busy, and all are
# refused.
ok !grep({
    push @many, $proxy->begin(GET => '/rotate');
    !wait_until { collect(0, @many) + turning() == @many };
} 1 .. 20), 'wheels find room or not';
my @refused = grep { $_->done } @many;
ok @refused > 0 && @refused < 20, 'some find none';
is grep({ $_->status == 503 && $_->header('Retry-After') } @refused),
    scalar @refused, 'they are told to come again';
is $proxy->get('/stop')->status, 200, '/stop is answered beside the others';
$_->end_wheels for @hosts;
await(@many);

# A proxy by SetHandler; it may take a moment until there are workers again.
ok wait_until {
    $client = WheelClient->new($proxy->port);
    $answer = $client->ask(GET => '/handler');
    wait_until { turning() == 1 || collect(0, $answer) };
    turning() == 1;
}, 'a wheel turns behind SetHandler "proxy:..."';
$client->vanish('close');
ok wait_until { !running() }, 'it ends with its client, too';

sub turning { return sum map { scalar $_->rotating } @hosts }
sub running { return sum map { scalar $_->running } @hosts }
sub stop_all { return grep { $_->get('/stop')->status != 200 } @hosts }

sub ended {
    my ($why) = @_;
    return sum map { $_->status->{totals}{ended}{$why} } @hosts;
}

sub started { return sum map { $_->status->{totals}{started} } @hosts }
