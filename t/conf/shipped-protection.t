# SPDX-License-Identifier: Apache-2.0
# The shipped configuration lets clients of this machine in and no page of
# another site, which could start or stop wheels behind its reader's back.

use strict;
use warnings FATAL => 'all';

use Apache::Test qw(-withtestmore);
use WheelHttpd qw(checkout_dir libexec_dir module_file run_group run_user);
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
);
my @hosts = (
    [[Host => 'SELF'],                200],
    [[Host => 'localhost'],           200],
    [[Host => 'LOCALHOST:99'],        200],
    [[Host => '[::1]:80'],            200],
    [[Host => 'evil.example'],        403],
    [[Host => 'localhost.evil.example'], 403],
    [[Host => '127.0.0.1.evil.example'], 403],
    [[Host => 'evil.example', 'Sec-Fetch-Site' => 'same-origin'], 403],
);
my @asked = (
    [GET => '/rotate?wait=0'],     [POST => '/rotate?wait=0'],
    [GET => '/rotate/red?wait=0'], [POST => '/rotate/red?wait=0'],
    [GET => '/stop'],              [POST => '/stop'],
    [GET => '/stop?json'],         [GET => '/wheel-status?json'],
);
plan tests => 2 * (@sites + 1) + @hosts + 3, need_module 'wheel';

# On its own.
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
check('httpd.conf', $own, @sites, @hosts);
is $own->get('/', headers => [Host => 'evil.example'])->status, 403,
    'httpd.conf: nor is the page for a foreign name';
is $own->get('/', headers => ['Sec-Fetch-Site' => 'cross-site'])->status, 200,
    'httpd.conf: a link from another site to the page works';
nothing_begun('httpd.conf', $own);

# Included, behind a proxy that tells whom it asks for.
my $other = WheelServer->started(
    addresses => 0, processes => 1, threads => 32, config => <<"END");
LoadModule remoteip_module @{[libexec_dir()]}/mod_remoteip.so
RemoteIPHeader X-Client
RemoteIPInternalProxy 127.0.0.1
Include $conf/wheel.conf
END
check('wheel.conf', $other, @sites);
check('wheel.conf', $other, [['X-Client' => '192.0.2.1'], 403]);
nothing_begun('wheel.conf', $other);

sub check {
    my ($file, $server, @rows) = @_;
    my $self = '127.0.0.1:' . $server->port;
    for my $row (@rows) {
        my ($headers, $status) = @$row;
        my @headers = map {s/SELF/$self/r} @$headers;
        my %seen    = map { $_->status => 1 }
            map { $server->request(@$_, headers => \@headers) } @asked;
        is join(' ', keys %seen), $status, "$file: $status for "
            . (join(' ', @$headers) || 'a client that says nothing of itself');
    }
    return;
}

# What was refused hasn't begun first.
sub nothing_begun {
    my ($file, $server) = @_;
    my $before = $server->status->{totals}{started};
    my @evil   = (headers => ['Sec-Fetch-Site' => 'cross-site']);
    $server->request(@$_, @evil) for @asked;
    is $server->status->{totals}{started}, $before,
        "$file: what is refused has started no wheel";
    return;
}
