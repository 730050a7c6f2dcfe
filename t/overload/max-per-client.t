# SPDX-License-Identifier: Apache-2.0
# WheelMaxPerClient: one client can't take all the wheels, and what others have
# doesn't count against it.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelHttpd qw(libexec_dir);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 22, need_module 'wheel';

my $limit  = 3;
my $server = WheelServer->started(
    processes => 2, threads => 32, config => <<"END");
LoadModule remoteip_module "@{[libexec_dir()]}/mod_remoteip.so"
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.9
WheelMaxPerClient $limit
WheelForwarded allow
END

# A client of each of some addresses; all of 127.0.0.0/8 is this machine.
my @wheels;
for my $address (map {"127.0.0.$_"} 1 .. 4) {
    my @answers = map { rotate($address) } 1 .. $limit;
    push @wheels, @answers;
    ok wait_until { of($address) == $limit },
        "$limit wheels of $address turn";
    my $refused = rotate($address);
    is await($refused), 1, "one more of $address is answered at once";
    is $refused->status, 503, 'by a refusal';
    like $refused->json->{detail}, qr/WheelMaxPerClient/, 'that tells why';
}
is $server->status->{totals}{refused}{client}, 4, 'the refusals are counted';

# One of them ends, and there is room for another.
my ($wheel) = grep { $_->{client} eq '127.0.0.2' } $server->rotating;
$server->get("/stop?id=$wheel->{id}");
wait_until { of('127.0.0.2') == $limit - 1 };
push @wheels, rotate('127.0.0.2');
ok wait_until { of('127.0.0.2') == $limit },
    'where one wheel ends, another may begin';

# Behind a trusted proxy it is the user who counts, not the proxy.
push @wheels, map { rotate('127.0.0.9', "192.0.2.$_") } 1 .. 4;
ok wait_until { 4 == grep { $_->{client} =~ /\A192\.0\.2\./ } $server->rotating },
    'four users behind one proxy are four clients';

# What a stranger says of itself doesn't count.
my $liar = rotate('127.0.0.1', '192.0.2.77');
await($liar);
is $liar->status, 503, 'a client can\'t pass for another';

is $server->get('/stop')->header('Wheel-Stopped'), 4 * $limit + 4,
    'one stop stops the wheels of all';
is await(@wheels), @wheels, 'they are answered';

sub rotate {
    my ($from, $for) = @_;
    my $client = WheelClient->new($server->port, from => $from);
    my @header = $for ? ('X-Forwarded-For' => $for) : ();
    return $client->ask(GET => '/rotate', headers => \@header);
}

# Wheels of an address that turn.
sub of {
    my ($address) = @_;
    return scalar grep { $_->{client} eq $address } $server->rotating;
}
