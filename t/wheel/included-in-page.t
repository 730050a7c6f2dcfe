# SPDX-License-Identifier: Apache-2.0
# A wheel that a page includes (mod_include), turning here or behind mod_proxy:
# a client that shuts its sending side gets the whole page; one that goes away
# ends the wheel.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelFaults qw(complaints);
use WheelHttpd qw(libexec_dir spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

# A page whose head has to be sent before its wheel begins.
use constant LONG => 'x' x 200_000;

my @cases = (
    # page, HTTP version
    ['here', '1.1'], ['here', '1.0'], ['long', '1.1'], ['proxied', '1.1'],
    ['proxied-long', '1.1'],
);
plan tests => 4 * @cases + 1, need_module 'include', 'proxy', 'proxy_http';

my $backend = WheelServer->started(mpm => 'event', threads => 16,
    config => 'WheelForwarded allow');
my $server  = WheelServer->new(processes => 2, threads => 8);
my %page    = (
    here           => "before\n<!--#include virtual=\"/rotate\" -->\nafter\n",
    long           => LONG . "<!--#include virtual=\"/rotate\" -->\nafter\n",
    proxied        => "before\n<!--#include virtual=\"/p/rotate\" -->\nafter\n",
    'proxied-long' => LONG . "<!--#include virtual=\"/p/rotate\" -->\nafter\n",
);
spew($server->dir . "/htdocs/$_.shtml", $page{$_}) for keys %page;
$server->configure(config => <<"END");
LoadModule include_module "@{[libexec_dir()]}/mod_include.so"
LoadModule proxy_module "@{[libexec_dir()]}/mod_proxy.so"
LoadModule proxy_http_module "@{[libexec_dir()]}/mod_proxy_http.so"
<Directory "@{[$server->dir]}/htdocs">
    Options +Includes
    SetOutputFilter INCLUDES
</Directory>
<Location "/p/">
    WheelProxy on
    ProxyPass "http://127.0.0.1:@{[$backend->port]}/"
</Location>
END
$server->start or die $server->error_log;

for my $case (@cases) {
    my ($page, $version) = @$case;
    my $what = "$page page, HTTP/$version";
    my $host = $page =~ /proxied/ ? $backend : $server;
    my ($client, $answer) = ask($host, $page, $version);
    $client->vanish('half close');
    collect(0.6, $answer); # two ticks
    is scalar $host->rotating, 1,
        "$what: a shut sending side doesn't end the wheel";
    $host->get('/stop');
    await($answer);
    is $answer->status, 200, "$what: the page is answered";
    like $answer->body // '', qr/"Your lucky number is \d!"\nafter\n\z/,
        "$what: to its end";

    ($client) = ask($host, $page, $version);
    # What was sent before it left can't tell: nothing can ask that client
    # whether it reads on, before its kernel forgets the connection.
    my $asked = $page eq 'here' || $page eq 'proxied';
    $client->vanish($asked && $version eq '1.1' ? 'close' : 'reset');
    ok wait_until { !$host->running }, "$what: a client that left ends it";
}
is_deeply [complaints($server)], [], 'the log has no complaint';

sub ask {
    my ($host, $page, $version) = @_;
    my $client = WheelClient->new($server->port);
    my $answer = $client->ask(GET => "/$page.shtml", version => $version);
    $host->wait_rotating(1) or die "no wheel turns\n";
    return ($client, $answer);
}
