# SPDX-License-Identifier: Apache-2.0
# A stop of one request is no fault of its backend: mod_proxy goes on using that,
# and sends the request to no other member of a balancer.

use strict;
use warnings FATAL => 'all';

use IO::Select ();
use IO::Socket::INET ();
use WheelPlan;
use WheelRequests qw(listed load_modules stop_listed);
use WheelServer ();
use WheelTest qw(collect wait_until);

# What a balancer takes for an error, besides.
my %setting = (
    ajp => '', fcgi => '', scgi => '', uwsgi => 'ProxySet failonstatus=500',
    http => 'ProxySet failonstatus=502',
);
plan tests => 4 * keys(%setting) + 3, need_module 'wheel', 'proxy',
    'proxy_balancer', { 'root alone may trace a child' => sub { $> == 0 } };

# They take connections and say nothing; the last ones don't even take any.
my %members = map { $_ => [listener(8), listener(8)] } keys %setting;
my @full    = (listener(1), listener(1));
my @queue   = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
        PeerPort => $_->sockport)
} (@full) x 4;
my $server = WheelServer->started(config => join "\n",
    load_modules(qw(proxy proxy_balancer lbmethod_byrequests slotmem_shm),
        map {"proxy_$_"} keys %setting),
    (map { balancer($_, $setting{$_}, @{ $members{$_} }) } keys %setting),
    balancer('http', '', @full), <<'END');
WheelRequests on slow=50ms
WheelPrivileged cut
WheelOnStop refuse interrupt cut
<Location "/members">
    SetHandler balancer-manager
</Location>
END

for my $name (sort keys %setting) {
    my @members = @{ $members{$name} };
    my $answer  = $server->begin(GET => path(@members));
    my ($first) = IO::Select->new(@members)->can_read(20);
    my $taken   = $first && $first->accept;
    ok stop_listed($server, path(@members), $answer),
        "$name: a stop ends a request";
    is $answer->status, 503, "$name: its client is told";
    is_deeply [IO::Select->new(@members)->can_read(0)], [],
        "$name: no other member gets it";
    is_deeply [states(@members)], [qw(Ok Ok)],
        "$name: the balancer goes on with both";
}

my $answer = $server->begin(GET => path(@full));
ok stop_listed($server, path(@full), $answer), 'connecting: a stop ends it';
is $answer->status, 503, 'connecting: its client is told';
is_deeply [states(@full)], [qw(Ok Ok)],
    'connecting: the balancer goes on with both';

sub listener {
    my ($queue) = @_;
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Listen => $queue) // die "$!\n";
}

# The path of a balancer, by its first member.
sub path { '/to' . $_[0]->sockport }

sub balancer {
    my ($scheme, $setting, @members) = @_;
    my $name = 'to' . $members[0]->sockport;
    my ($one, $two) = map { "$scheme://127.0.0.1:" . $_->sockport } @members;
    return <<"END";
<Proxy "balancer://$name">
    BalancerMember "$one"
    BalancerMember "$two"
    $setting
</Proxy>
ProxyPass "/$name" "balancer://$name/"
END
}

# What the balancer says of its members.
sub states {
    my ($rows) = $server->get('/members')->body;
    return map {
        my $port = $_->sockport;
        $rows =~ m{://127\.0\.0\.1:$port</a></td>.*?<td>Init (\w+) *</td>}s
    } @_;
}
