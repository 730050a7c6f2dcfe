# SPDX-License-Identifier: Apache-2.0
# The shipped configuration lets clients of this machine in, and refuses
# requests that pages of other sites make a browser send.
#
# Under one MPM: it has no part in who may ask for what.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir libexec_dir module_file run_group run_user spew);
use WheelPlan;
use WheelServer ();
use WheelTest ();

my $conf = checkout_dir() . '/conf';

# headers, and the answer; SELF stands for the server's own name and port
my @sites = (
    [[],                                                      200],
    [['Sec-Fetch-Site' => 'same-origin'],                     200],
    [['Sec-Fetch-Site' => 'none'],                            200],
    [['Sec-Fetch-Site' => 'cross-site'],                      403],
    [['Sec-Fetch-Site' => 'same-site'],                       403],
    [['Sec-Fetch-Site' => 'SELF'],                            403],
    [['Sec-Fetch-Site' => 'same-origin, cross-site'],         403],
    [['Sec-Fetch-Site' => 'same-origin', Origin => 'null'],   200],
    [[Origin => 'http://SELF'],                               200],
    [[Origin => 'https://SELF'],                              200],
    [[Origin => 'http://evil.example'],                       403],
    [[Origin => 'http://SELF.evil.example'],                  403],
    [[Origin => 'http://evil.example/SELF'],                  403],
    [[Origin => 'http://localhost:1'],                        403],
    [[Origin => 'null'],                                      403],
    [['Sec-Fetch-Site' => 'cross-site', Origin => 'http://SELF'], 403],
    [['User-Agent' => 'Mozilla/5.0 (X11)', Accept => 'image/*'], 403],
);
my @hosts = (
    [[Host => 'SELF'],                200],
    [[Host => 'localhost'],           200],
    [[Host => 'LOCALHOST:99'],        200],
    [[Host => '[::1]:80'],            200],
    [[Host => 'evil.example'],        403],
    [[Host => 'evil.example:99'],     403],
    [[Host => '192.168.1.7:99'],      403],
    [[Host => 'localhost.evil.example'], 403],
    [[Host => '127.0.0.1.evil.example'], 403],
    [[Host => 'evil.example', 'Sec-Fetch-Site' => 'same-origin'], 403],
);
# what a browser fetches before its user asks for it, and what a proxy on this
# machine passes on
my @marked = map { [$_, 403] } (
    ['Sec-Purpose' => 'prefetch'],
    ['Sec-Purpose' => 'prefetch;prerender', 'Sec-Fetch-Site' => 'none'],
    [Purpose => 'prefetch'],
    ['X-Moz' => 'prefetch'],
    ['X-Forwarded-For' => '192.0.2.1'],
    ['X-Forwarded-For' => '127.0.0.1'],
    [Forwarded => 'for=192.0.2.1'],
    ['X-Forwarded-Host' => 'www.example.com'],
    ['X-Real-IP' => '192.0.2.1'],
    [Via => '1.1 proxy.example.com'],
);
my @rows  = (@sites, @hosts, @marked);
my @asked = (
    [GET => 'rotate?wait=0'],     [POST => 'rotate?wait=0'],
    [GET => 'rotate/red?wait=0'], [POST => 'rotate/red?wait=0'],
    [GET => 'stop'],              [POST => 'stop'],
    [GET => 'stop?json'],
);
plan tests => 2 * (@rows + 3) + 9, need_module 'wheel';

# On its own, with the paths of the contract.
my $own = WheelServer->new(
    file => "$conf/httpd.conf", processes => 1, threads => 100,
    define => {
        WHEEL_PORT => 'PORT', WHEEL_MPM => WheelServer::mpm(),
        WHEEL_MODULES => libexec_dir(), WHEEL_SO => module_file(),
        WHEEL_WWW => 'DIR/htdocs', WHEEL_RUN => 'DIR/run',
        WHEEL_USER => run_user(), WHEEL_GROUP => run_group(),
    }
);
$own->start or die $own->error_log;
check('httpd.conf', $own, '/');
my @twice = map { $own->get("/$_")->headers_twice } '', 'wheel-status',
    'wheel-status?x', 'stop?dry', 'stop/nobody';
is "@twice", '', 'httpd.conf: no header is sent twice';

# Included in a server that trusts a proxy, and serves something at the paths
# of the contract itself.
my $other = WheelServer->new(addresses => 0, processes => 1, threads => 32);
my $dir   = $other->dir;
$other->configure(config => <<"END");
LoadModule remoteip_module @{[libexec_dir()]}/mod_remoteip.so
RemoteIPHeader X-Client
RemoteIPInternalProxy 127.0.0.1
<VirtualHost *>
    ServerName any.example
</VirtualHost>
<VirtualHost *>
    ServerName wheels.example
    ServerAlias other.example *.wild.example * *.?*
</VirtualHost>
Alias /wheel/ "$dir/htdocs/"
Include $conf/wheel.conf
END
spew("$dir/htdocs/$_", "mine\n") for qw(rotate stop wheel-status);
$other->start or die $other->error_log;
check('wheel.conf', $other, '/wheel/');
is join('', map { $other->get("/$_")->body } qw(rotate stop wheel-status)),
    "mine\n" x 3, 'wheel.conf: nothing is served but below /wheel/';
is statuses($other, '/wheel/', 'X-Client' => '192.0.2.1'), 403,
    'wheel.conf: the client that a trusted proxy names is another machine';

is statuses($other, '/wheel/', Host => $_), 200,
    "wheel.conf: a program may use the name $_"
    for qw(wheels.example Other.example:99 a.wild.example);
is statuses($other, '/wheel/', Host => $_), 403, "wheel.conf: but not $_"
    for qw(x.wheels.example wild.example);
is statuses($other, '/wheel/', Host => 'wheels.example',
    'Accept-Language' => 'en'), 403,
    'wheel.conf: a page of another site may use none';

sub check {
    my ($file, $server, $top) = @_;
    my $self = '127.0.0.1:' . $server->port;
    for my $row (@rows) {
        my ($headers, $status) = @$row;
        my @headers = map {s/SELF/$self/r} @$headers;
        is statuses($server, $top, @headers), $status, "$file: $status for "
            . (join(' ', @$headers) || 'a client that says nothing of itself');
    }
    my @evil = (headers => [Host => 'evil.example']);
    is $server->get($top, @evil)->status, 403,
        "$file: nor is the page for a foreign name";
    my @link = (headers => ['Sec-Fetch-Site' => 'cross-site']);
    is $server->get($top, @link)->status, 200,
        "$file: a link from another site to the page works";

    # What was refused hasn't begun first.
    my $status = "${top}wheel-status?json";
    my $before = $server->get($status)->json->{totals}{started};
    statuses($server, $top, 'Sec-Fetch-Site' => 'cross-site');
    is $server->get($status)->json->{totals}{started}, $before,
        "$file: what is refused has started no wheel";
    return;
}

# The status codes of all that is asked, each once.
sub statuses {
    my ($server, $top, @headers) = @_;
    my %seen = map { $_->status => 1 }
        map { $server->request($_->[0], $top . $_->[1], headers => \@headers) }
        @asked;
    return join ' ', sort keys %seen;
}
