# SPDX-License-Identifier: Apache-2.0
# Whatever the configuration protects: no page of another site makes a browser
# start or stop wheels, no browser does so ahead of its user, and no client of
# a proxy on this machine is taken for one of this machine.  Programs are let
# in as they come.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();

my %browser = ('User-Agent' => 'Mozilla/5.0 (X11)', 'Accept' => 'image/*',
    'Accept-Language' => 'en');
my %plain = ('User-Agent' => 'Mozilla/5.0 (X11)');

# what it is; headers, in which SELF is the host and port; the status
my @table = (
    ['curl',                       {},                                   200],
    ['curl by any name',           { Host => 'wheels.lan' },             200],
    ['curl by the server\'s name', { Host => 'wheels.example' },         200],
    ['a script that says where it is', { Host => 'localhost',
        'User-Agent' => 'Python-urllib/3.11' },                          200],
    ['fetch() of Node.js',         { 'User-Agent' => 'node',
        'Accept-Language' => '*', 'Sec-Fetch-Mode' => 'cors' },          200],
    ['a page that asks for any language', { %plain,
        'Accept-Language' => '*' },                                      403],
    ['a browser by its language alone', { 'Accept-Language' => 'en' },   403],
    ['an image on a page without headers that tell', {%browser},         403],
    ['an old browser',             {%plain},                             403],
    ['a link that a user follows', { %browser,
        'Upgrade-Insecure-Requests' => 1 },                              403],
    ['an address that a user types', { %browser,
        'Sec-Fetch-Site' => 'none' },                                    200],
    ['the page',                   { %browser,
        'Sec-Fetch-Site' => 'same-origin' },                             200],
    ['another site',               { %browser,
        'Sec-Fetch-Site' => 'cross-site' },                              403],
    ['another port',               { %browser,
        'Sec-Fetch-Site' => 'same-site' },                               403],
    ['two of them',                { %browser,
        'Sec-Fetch-Site' => 'same-origin, cross-site' },                 403],
    ['the page, without TLS',      { %browser, Origin => 'http://SELF' }, 200],
    ['the page, through TLS',      { %browser, Origin => 'https://SELF' }, 200],
    ['the page, by its address',   { %browser,
        Referer => 'http://SELF/x?y' },                                  200],
    ['another page',               { %browser,
        Referer => 'http://evil.example/' },                             403],
    ['a page that contains our name', { %browser,
        Referer => 'http://evil.example/http://SELF/' },                 403],
    ['a longer name',              { %browser,
        Origin => 'http://SELF.evil.example' },                          403],
    ['another port of this host',  { Origin => 'http://127.0.0.1:1' },   403],
    ['a sandbox',                  { Origin => 'null' },                 403],
    ['a sandbox of the page',      { Origin => 'null',
        'Sec-Fetch-Site' => 'same-origin' },                             200],
    ['a file',                     { Origin => 'file://' },              403],
    ['a name that leads here',     { %browser, Host => 'evil.example',
        'Sec-Fetch-Site' => 'same-origin' },                             403],
    ['a name that leads here, with its origin', { %browser,
        Host => 'evil.example', Origin => 'http://evil.example' },       403],
    ['a name that ends like ours', { %browser,
        Host => 'x.wheels.example', 'Sec-Fetch-Site' => 'same-origin' }, 403],
    ['an alias',                   { %browser, Host => 'alias.example:99',
        'Sec-Fetch-Site' => 'same-origin' },                             200],
    ['an alias with a wildcard',   { %browser, Host => 'a.wild.example',
        'Sec-Fetch-Site' => 'same-origin' },                             200],
    ['localhost',                  { %browser, Host => 'LOCALHOST:99',
        'Sec-Fetch-Site' => 'none' },                                    200],
    ['a name below localhost',     { %browser, Host => 'wheel.localhost',
        'Sec-Fetch-Site' => 'none' },                                    200],
    ['an address of IPv6',         { %browser, Host => '[::1]:99',
        'Sec-Fetch-Site' => 'same-origin' },                             200],
    ['a page that is fetched ahead', { %browser,
        'Sec-Fetch-Site' => 'none', 'Sec-Purpose' => 'prefetch' },       403],
    ['one that is rendered ahead', { %browser, 'Sec-Fetch-Site' => 'none',
        'Sec-Purpose' => 'prefetch;prerender' },                         403],
    ['an old way to say so',       { %browser, 'Sec-Fetch-Site' => 'none',
        Purpose => 'prefetch' },                                         403],
    ['an older one',               { 'X-Moz' => 'prefetch' },            403],
    ['a proxy',                    { 'X-Forwarded-For' => '192.0.2.1' }, 403],
    ['a proxy by the standard',    { Forwarded => 'for=192.0.2.1' },     403],
    ['a proxy that says only so',  { Via => '1.1 front' },               403],
    ['nginx',                      { 'X-Real-IP' => '192.0.2.1' },       403],
    ['a proxy that tells the scheme', { 'X-Forwarded-Proto' => 'https' }, 403],
    ['Varnish',                    { 'X-Varnish' => '32770' },           403],
    ['a CDN',                      { 'CDN-Loop' => 'cdn.example' },      403],
    ['a proxy of a cloud',         { 'X-Azure-ClientIP' => '192.0.2.1' }, 403],
    ['a proxy without an address', { 'X-Forwarded-For' => '' },          403],
    ['a network of proxies',       { 'CF-Connecting-IP' => '192.0.2.1' }, 403],
    ['another one',                { 'True-Client-IP' => '192.0.2.1' },  403],
);
my @asked = ([GET => '/stop?dry'], [POST => '/stop?dry'],
    [GET => '/rotate/red?wait=0'], [POST => '/rotate?wait=0'],
    [GET => '/stop/red?dry'], [GET => '/stop?id=1&dry']);

# path, headers, status
my @elsewhere = (
    ['/wheel-status?json', { %browser, 'Sec-Fetch-Site' => 'cross-site' }, 200],
    ['/wheel-status?json', { %browser, Host => 'evil.example' },           403],
    ['/wheel-status?json', { Host => 'wheels.lan' },                       200],
    ['/wheel-status?json', { Via => '1.1 front' },                         403],
    ['/open?wait=0',       { %browser, Host => 'evil.example',
        'Sec-Fetch-Site' => 'cross-site', 'Sec-Purpose' => 'prefetch' },   200],
    ['/open?wait=0',       { Via => '1.1 front' },                         403],
    ['/behind?wait=0',     { Via => '1.1 front' },                         200],
    ['/behind?wait=0',     { Via => '1.1 front', Origin => 'null' },       403],
);
plan tests => @table + @elsewhere + 3, need_module 'wheel';

my $server = WheelServer->started(processes => 1, threads => 8,
    config => <<'END');
<Location "/open">
    SetHandler wheel-rotate
    WheelCrossSite allow
</Location>
<Location "/behind">
    SetHandler wheel-rotate
    WheelForwarded allow
</Location>
<VirtualHost *>
    ServerName wheels.example
    ServerAlias alias.example *.wild.example * *.?*
</VirtualHost>
END
my $self = '127.0.0.1:' . $server->port;
for my $row (@table) {
    my ($what, $headers, $status) = @$row;
    my %seen = map { ask(@$_, $headers)->status => 1 } @asked;
    is join(' ', sort keys %seen), $status, "$what: $status";
}
is ask(@$_[0, 1], $_->[2])->status, $_->[3], "$_->[1]: $_->[3]"
    for map { [GET => @$_] } @elsewhere;
my $started = $server->status->{totals}{started};
my $answer  = ask(GET => '/rotate', { Origin => 'http://evil.example' });
is $answer->header('Content-Type'), 'application/problem+json',
    'the answer is a problem';
like $answer->json->{detail}, qr/Origin: http:\/\/evil\.example/,
    'which tells what looks like another site';
is $server->status->{totals}{started}, $started,
    'and no wheel has begun to rotate';

sub ask {
    my ($method, $target, $headers) = @_;
    return $server->request($method, $target,
        headers => [map { ($_ => $headers->{$_} =~ s/SELF/$self/r) }
            sort keys %$headers]);
}
