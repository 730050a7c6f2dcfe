# SPDX-License-Identifier: Apache-2.0
# What a stop has cut is not stored by mod_cache: others would get a part of an
# answer for the whole.  What ends by itself is.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(cgi_config listed listed_sending load_modules
    stop_listed);
use WheelServer ();

# How mod_cache comes to an answer: the site, and the path.  The last is a part of
# a page.
my @ways = (
    ['quick',   '/cgi/part'],
    ['handler', '/cgi/part'],
    ['handler', '/page.shtml'],
);
plan tests => 4 * @ways + 4, need 'wheel', 'cache', 'cache_disk';

my $head = 'echo Content-Type: text/plain; echo Cache-Control: max-age=600; echo';
my $server = WheelServer->new;
my $dir    = $server->dir;
mkdir "$dir/cache" or die "$dir/cache: $!\n";
chmod 0777, "$dir/cache";
my $config = <<'END';
    CacheEnable disk /cgi
    CacheEnable disk /busy
    CacheHeader on
END
$server->configure(config => <<"END");
@{[load_modules(qw(cache cache_disk include))]}
@{[user_modules('test_busy')]}
@{[cgi_config($server,
    part => "$head; echo begun; test -e $dir/end || sleep 600; echo end",
    late => "$head; sleep 600")]}
<Directory "$dir/htdocs">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
</Directory>
<Location "/busy">
    SetHandler test-busy
</Location>
CacheRoot "$dir/cache"
CacheDefaultExpire 600
CacheIgnoreNoLastMod on
WheelRequests on slow=100ms
<VirtualHost *>
    ServerName quick
    CacheQuickHandler on
$config</VirtualHost>
<VirtualHost *>
    ServerName handler
    CacheQuickHandler off
$config</VirtualHost>
END
$server->start or die $server->error_log;
spew("$dir/htdocs/page.shtml", '<!--#include virtual="/cgi/part?page" -->');

for (@ways) {
    my ($site, $path) = @$_;
    my @headers = (headers => [Host => $site]);
    my $answer = $server->begin(GET => $path, @headers);
    ok listed_sending($server, $path), "$site $path: a part is sent";
    ok stop_listed($server, $path, $answer), "$site $path: a stop ends it";
    spew("$dir/end", '');
    like $server->get($path, @headers)->body, qr/^begun\nend\n/,
        "$site $path: the next client gets the whole";
    unlink "$dir/end";
    my $again = $server->get($path, @headers, limit => 10);
    like $again->body // '', qr/^begun\nend\n/,
        "$site $path: which is stored";
}

my $told = $server->begin(GET => '/cgi/late', headers => [Host => 'quick']);
listed($server, '/cgi/late');
stop_listed($server, '/cgi/late', $told);
is $told->status, 503, 'where nothing was sent, the client is told';
my $next = $server->begin(GET => '/cgi/late', headers => [Host => 'quick']);
ok listed($server, '/cgi/late'), 'and the next one waits for the script again';
stop_listed($server, '/cgi/late', $next);

is $server->get('/busy?wait=0', headers => [Host => 'quick'])
    ->header('Content-Length'), length "waited\n",
    'an answer that httpd measures has its length';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'no child has died';
