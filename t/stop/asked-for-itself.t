# SPDX-License-Identifier: Apache-2.0
# A stop comes only from a request for it: not from the document of an error,
# an index, a fallback, a page that includes it, the choice of a variant, or a
# script that names it.
#
# Under one MPM: it has no part in where a request leads.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew);
use WheelPlan;
use WheelRequests qw(load_modules);
use WheelServer ();
use WheelTest qw(await);

# host, path, status, and a word of the problem, if any
my @table = (
    ['error',    '/nope',        403, 'ErrorDocument'],
    ['error',    '/denied',      403, 'ErrorDocument'],
    ['error',    '/stop/green',  404, 'name=green'],
    ['rewrites', '/nope',        403, 'ErrorDocument'],
    ['index',    '/sub/',        403, 'DirectoryIndex'],
    ['fallback', '/nope',        403, 'DirectoryIndex'],
    ['fallback', '/sub/nope',    403, 'DirectoryIndex'],
    ['include',  '/page.shtml',  200, 'page'],
    ['include',  '/sub/page.shtml', 200, 'page'],
    ['script',   '/cgi/halt',    403, 'DirectoryIndex'],
    ['script',   '/cgi/halt/red', 403, 'DirectoryIndex'],
    ['variant',  '/halt',        403, 'DirectoryIndex'],
    ['variant',  '/halt/red',    403, 'DirectoryIndex'],
);

# host and path that an administrator has made another name of /stop/red
my @meant = (
    ['variant', '/halt.stop/red'],
    ['pass',    '/quit/red'],
    ['rewrite', '/sub/quit'],
    ['error',   '/stop/red'],
    ['index',   '/stop/red'],
);
my %set = (
    error => "ErrorDocument 404 /stop\nErrorDocument 403 /stop\n"
        . '<Location "/denied">' . "\nRequire all denied\n</Location>",
    rewrites => "ErrorDocument 404 /lost\nRewriteEngine On\n"
        . 'RewriteRule "^/lost$" "/stop" [PT]',
    index    => 'DirectoryIndex /stop',
    fallback => 'FallbackResource /stop',
    include  => "Options +Includes\nAddOutputFilter INCLUDES .shtml",
    script   => 'ScriptAlias /cgi/halt "DIR/halt"' . "\n"
        . '<Directory "DIR">' . "\nRequire all granted\n</Directory>",
    variant  => '<Directory "DIR/htdocs">' . "\nOptions +MultiViews\n"
        . "MultiviewsMatch Handlers\nAddHandler wheel-stop .stop\n</Directory>",
    pass     => "RewriteEngine On\n" . 'RewriteRule "^/quit(.*)" "/stop$1" [PT]',
    rewrite  => '<Directory "DIR/htdocs/sub">' . "\nRewriteEngine On\n"
        . 'RewriteRule "^quit$" "/stop/red"' . "\n</Directory>",
);
plan tests => 2 * @table + 2 * @meant + 4, need_module 'wheel';

my $server = WheelServer->new(processes => 1, threads => 12);
my $dir    = $server->dir;
mkdir "$dir/htdocs/sub" or die "$dir/htdocs/sub: $!\n";
spew("$dir/htdocs/$_", "a file\n") for qw(stop halt.stop);
spew("$dir/htdocs/$_", qq{<!--#include virtual="/stop" -->\n})
    for qw(page.shtml sub/page.shtml);
spew("$dir/halt", "#!/bin/sh\nprintf 'Location: /stop\\n\\n'\n");
chmod 0755, "$dir/halt" or die "$dir/halt: $!\n";
$server->configure(config => load_modules(qw(cgi include negotiation rewrite))
        . $server->virtual_hosts(%set));
$server->start or die $server->error_log;

my @wheels = map { $server->rotate(1, $_) } '/rotate', '/rotate/red';
for my $row (@table) {
    my ($host, $path, $status, $word) = @$row;
    my $answer = ask($host, $path);
    is $answer->status, $status, "$host: $path is answered $status";
    like $answer->body, qr/\Q$word\E/, 'with the reason';
}
is $server->rotating, 2, 'nothing has stopped';
ok $server->logs(qr/WH0044: refused: an error \(404\) has led here/),
    'the log says so';
for my $row (@meant) {
    my ($host, $path) = @$row;
    my $answer = ask($host, $path);
    is $answer->status, 200, "$host: $path is a stop";
    is await(pop @wheels), 1, 'and ends red';
    push @wheels, $server->rotate(1, '/rotate/red');
}
is ask('error', '/stop')->header('Wheel-Stopped'), 2,
    'a stop for itself ends all, whatever errors lead to';
is await(@wheels), 2, 'all have ended';

sub ask {
    my ($host, $path) = @_;
    return $server->get($path, headers => [Host => "$host.test"]);
}
