# SPDX-License-Identifier: Apache-2.0
# When prefork ends at once, an answer over TLS comes all the same, one that
# streams comes to its end, and so does a page that includes a wheel.  worker and
# event close connections first: there, too, the server ends in time.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(tls_config);
use WheelFaults qw(complaints ended_in_time);
use WheelHttpd qw(free_port libexec_dir spew user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 7, need 'wheel', need_module 'include', 'IO::Socket::SSL';

my $port   = free_port();
my $server = WheelServer->new(processes => 2, threads => 8);
my $htdocs = $server->dir . '/htdocs';
spew("$htdocs/page.shtml", "<!--#include virtual=\"/rotate\" -->\nafter\n");
$server->configure(config => user_modules('gaps')
        . tls_config($server->dir, $port) . <<"END");
LoadModule include_module "@{[libexec_dir()]}/mod_include.so"
<Directory "$htdocs">
    Options +Includes
    SetOutputFilter INCLUDES
</Directory>
<Location /gaps>
    SetHandler gaps
</Location>
END
$server->start or die $server->error_log;

my $client = WheelClient->new($port, tls => 1);
my $secret = $client->ask(GET => '/rotate');
my $page   = $server->begin(GET => '/page.shtml');
my $stream = $server->begin(GET => '/gaps');
ok wait_until {
    collect(0, $stream);
    $stream->{bytes} =~ /after 113\n/ && $server->rotating == 3;
}, 'wheels turn behind TLS and in a page, and an answer streams';
ended_in_time($server, 'TERM', 'TLS, a page and a stream', $secret, $page,
    $stream);
SKIP: {
    skip $server->mpm . ' closes connections first', 4
        if $server->mpm ne 'prefork';
    is $secret->status, 200, 'the client of TLS has its answer';
    like $secret->body // '', qr/\A"Your lucky number is \d!"\z/,
        'and its number';
    like $page->body // '', qr/\A"Your lucky number is \d!"\nafter\n\z/,
        'the page comes to its end';
    like $stream->body // '', qr/^# \d+ gaps up to \d+: shutdown\n\z/m,
        'the stream tells at its end why';
}
is_deeply [complaints($server)], [], 'the log has no complaint';
