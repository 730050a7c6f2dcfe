# SPDX-License-Identifier: Apache-2.0
# Whatever sets the handler wheel-stop: its own path means all wheels, one
# segment more is a name, and nothing else means more than it says.
#
# Under one MPM: it has no part in what a path means.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew);
use WheelPlan;
use WheelRequests qw(load_modules);
use WheelServer ();
use WheelTest qw(await);

use constant ALL => ' blue red';    # by name, the nameless one first

# host, path, and the names of the wheels that it would stop, or a status
my @table = (
    ['root',     '/',             ALL],
    ['root',     '/red',          'red'],
    ['root',     '/x/red',        404],
    ['root',     '/green',        404],
    ['slash',    '/halt/',        ALL],
    ['slash',    '/halt/red',     'red'],
    ['slash',    '/halt/ed',      404],
    ['prefix',   '/halt/',        ALL],
    ['prefix',   '/halt/red',     'red'],
    ['prefix',   '/halt/x/red',   404],
    ['tail',     '/halt',         ALL],
    ['tail',     '/halt/',        404],
    ['tail',     '/halt/red',     'red'],
    ['tail',     '/halt/red/x',   404],
    ['exact',    '/halt',         ALL],
    ['open',     '/halt',         ALL],
    ['open',     '/halt/red',     'red'],
    ['open',     '/haltred',      404],
    ['plus',     '/halt/red',     'red'],
    ['plus',     '/halt/x/red',   'red'],
    ['class',    '/halt/red',     'red'],
    ['class',    '/halt/green',   404],
    ['list',     '/halt/red',     'red'],
    ['dot',      '/halt/red',     'red'],
    ['maybe',    '/halt/red',     'red'],
    ['digit',    '/halt/job1',    404],
    ['question', '/halt/red',     'red'],
    ['within',   '/halt/red',     'red'],
    ['caseless', '/halt',         ALL],
    ['optional', '/halt',         ALL],
    ['optional', '/halt/',        404],
    ['escaped',  '/halt.all',     ALL],
    ['ifdigit',  '/halt/job1',    404],
    ['ifdot',    '/halt/red',     'red'],
    ['rwdot',    '/halt/red',     'red'],
    ['iflist',   '/halt/red',     'red'],
    ['iflist',   '/halt/blue',    'blue'],
    ['ifprefix', '/halt/red',     'red'],
    ['ifprefix', '/halt/red/red', 'red'],
    ['ifroom',   '/halt',         ALL],
    ['ifroom',   '/halt/red',     'red'],
    ['ifequal',  '/halt',         404],
    ['ifwithin', '/halt',         ALL],
    ['ifwithin', '/halt/red',     'red'],
    ['rwlist',   '/halt/red',     'red'],
    ['rwprefix', '/halt/red',     'red'],
    ['rwexact',  '/quit',         404],
    ['rwdir',    '/halt/red',     'red'],
    ['rwpass',   '/halt/red',     ALL],
    ['rwpass',   '/quit/red',     'red'],
    ['rwredir',  '/halt/red',     ALL],
    ['aliased',  '/halt/red',     'red'],
    ['aliased',  '/halt/blue',    'blue'],
    ['envlist',  '/halt/red',     404],
    ['prefixed', '/halt/red',     'red'],
    ['prefixed', '/halt/red/x',   404],
    ['tailed',   '/halt',         ALL],
    ['grouped',  '/x/halt',       ALL],
    ['grouped',  '/x/halt/red',   'red'],
    ['either',   '/x/red',        'red'],
    ['written',  '/x/halt',       ALL],
    ['written',  '/x/halt/red',   404],
    ['written',  '/x/red',        404],
    ['slashend', '/red',          404],
    ['slashend', '/red/',         404],
    ['slashonly', '/halt/',       ALL],
    ['both',     '/x/red',        404],
    ['anything', '/red',          'red'],
    ['anything', '/halt/red',     404],
    ['star',     '/halt/red',     'red'],
    ['star',     '/halt/green',   404],
    ['star',     '/halt/real',    404],
    ['if',       '/halt',         404],
    ['if',       '/halt/red',     'red'],
    ['if',       '/halt/real',    404],
    ['if',       '/halt/x/red',   404],
    ['always',   '/red',          'red'],
    ['always',   '/halt/red',     404],
    ['rewrite',  '/quit',         ALL],
    ['rewrite',  '/quit/red',     'red'],
    ['rewrite',  '/quitred',      404],
    ['rewrite',  '/one/red',      'red'],
    ['dir',      '/halt',         ALL],
    ['dir',      '/halt/',        404],
    ['dir',      '/halt/red',     'red'],
    ['dir',      '/halt/real',    404],
    ['dir',      '/halt/sub',     404],
    ['dir',      '/halt/sub/red', 404],
    ['docroot',  '/red',          'red'],
    ['docroot',  '/halt/red',     404],
    ['htaccess', '/acc',          ALL],
    ['htaccess', '/acc/red',      'red'],
    ['htaccess', '/acc/blue',     'blue'],
    ['htaccess', '/acc/sub',      404],
    ['files',    '/halt.stop',    ALL],
    ['files',    '/halt.stop/red', 'red'],
    ['files',    '/none.stop',    404],
    ['allfiles', '/red',          'red'],
    ['allfiles', '/halt/red',     404],
    ['fileslist', '/red',         'red'],
    ['filesdot', '/halt.stop',    ALL],
    ['dirlist',  '/halt/sub',     404],
    ['dirend',   '/halt',         ALL],
    ['diropen',  '/halt',         ALL],
    ['diropen',  '/halt/red',     'red'],
    ['dirstar',  '/halt',         404],
    ['dirstar',  '/halt/red',     'red'],
    ['suffix',   '/halt.stop',    ALL],
    ['suffix',   '/halt.stop/red', 'red'],
    ['unmerged', '/halt',         ALL],
    ['unmerged', '//halt',        ALL],
    ['unmerged', '/halt//red',    'red'],
    ['unmerged', '/halt//',       404],
    ['unmerged', '/halt/red//x',  404],
    ['nested',   '/halt',         ALL],
    ['nested',   '/halt/red',     'red'],
    ['nested',   '/halt/all',     ALL],
    ['nested',   '/halt/all/red', 'red'],
);
my %set = (
    root     => '<Location "/">%</Location>',
    slash    => '<Location "/halt/">%</Location>',
    prefix   => '<LocationMatch "^/halt/">%</LocationMatch>',
    tail     => '<LocationMatch "^/halt(/.*)?$">%</LocationMatch>',
    exact    => '<LocationMatch "^/halt$">%</LocationMatch>',
    open     => '<LocationMatch "^/halt">%</LocationMatch>',
    plus     => '<LocationMatch "^/halt/.+">%</LocationMatch>',
    class    => '<LocationMatch "^/halt/[a-z]+$">%</LocationMatch>',
    list     => '<LocationMatch "^/halt/(red|blue)$">%</LocationMatch>',
    dot      => '<LocationMatch "^/halt/r.d$">%</LocationMatch>',
    maybe    => '<LocationMatch "^/halt/re?d$">%</LocationMatch>',
    digit    => '<LocationMatch "^/halt/job\d$">%</LocationMatch>',
    question => '<Location "/halt/r?d">%</Location>',
    within   => '<Location "/halt/r*d">%</Location>',
    caseless => '<LocationMatch "(?i)^/HALT$">%</LocationMatch>',
    optional => '<LocationMatch "^/halt/?$">%</LocationMatch>',
    escaped  => '<LocationMatch "^/halt\.all$">%</LocationMatch>',
    ifdigit  => '<If "%{REQUEST_URI} =~ m#^/halt/job\d$#">%</If>',
    ifdot    => '<If "%{REQUEST_URI} =~ m#^/halt/r.d$#">%</If>',
    rwdot    => "RewriteEngine On\n"
        . 'RewriteRule "^/halt/r.d$" "-" [H=wheel-stop]',
    iflist   => '<If "%{REQUEST_URI} =~ m#^/halt/(red|blue)$#">%</If>',
    ifprefix => '<If "%{REQUEST_URI} =~ m#^/halt/(red|blue)#">%</If>',
    ifroom   => '<If "%{REQUEST_URI} =~ m#^/halt(/|$)#">%</If>',
    ifequal  => q{<If "%{REQUEST_URI} == '/halt'">%</If>},
    ifwithin => '<Location "/halt">' . "\n" . '<If "true">%</If>'
        . "\n</Location>",
    rwlist   => "RewriteEngine On\n"
        . 'RewriteRule "^/halt/(red|blue)$" "-" [H=wheel-stop]',
    rwprefix => "RewriteEngine On\n"
        . 'RewriteRule "^/halt/(red|blue)" "-" [H=wheel-stop]',
    rwexact  => "RewriteEngine On\n"
        . 'RewriteRule "^/quit$" "-" [H=wheel-stop]',
    rwdir    => '<Directory "DIR/htdocs/halt">' . "\nRewriteEngine On\n"
        . 'RewriteRule "^(red|blue)$" "-" [H=wheel-stop]' . "\n</Directory>",
    rwpass   => '<Location "/all">%</Location>' . "\nRewriteEngine On\n"
        . 'RewriteRule "^/halt/(red|blue)$" "/all" [PT]' . "\n"
        . 'RewriteRule "^/quit/(.*)" "/all/$1" [PT]',
    rwredir  => '<Location "/all">%</Location>' . "\n"
        . '<Directory "DIR/htdocs/halt">' . "\nRewriteEngine On\n"
        . 'RewriteRule "^(red|blue)$" "/all"' . "\n</Directory>",
    aliased  => 'AliasMatch "^/halt/(red|blue)$" "DIR/htdocs/halt/sub"' . "\n"
        . '<Directory "DIR/htdocs/halt/sub">%</Directory>',
    envlist  => 'SetEnvIf Request_URI "^/halt/(red|blue)$" STOP=wheel-stop'
        . "\nSetHandler %{env:STOP}",
    prefixed => '<LocationMatch "^/halt/(red|blue)">%</LocationMatch>',
    tailed   => '<LocationMatch "^/halt.*">%</LocationMatch>',
    grouped  => '<LocationMatch "^/(x|y)/halt">%</LocationMatch>',
    either   => '<LocationMatch "^/x/blue|^/x/red">%</LocationMatch>',
    fileslist => '<FilesMatch "^(red|blue)$">%</FilesMatch>',
    filesdot => '<FilesMatch "\.stop$">%</FilesMatch>',
    dirlist  => '<DirectoryMatch "/halt/(sub|other)$">%</DirectoryMatch>',
    dirend   => '<DirectoryMatch "/halt$">%</DirectoryMatch>',
    diropen  => '<DirectoryMatch "/halt">%</DirectoryMatch>',
    dirstar  => '<Directory "DIR/htdocs/h*">%</Directory>',
    written  => '<LocationMatch "^/[a-z]+/halt$">%</LocationMatch>',
    slashend => '<LocationMatch "^/(red)/$">%</LocationMatch>',
    slashonly => '<LocationMatch "^/halt/$">%</LocationMatch>',
    both     => '<LocationMatch "^/y/red$|^/x/red/$">%</LocationMatch>',
    anything => '<LocationMatch ".*">%</LocationMatch>',
    star     => '<Location "/halt/*">%</Location>',
    if       => '<If "%{REQUEST_URI} =~ m#^/halt#">%</If>',
    always   => '<If "true">%</If>',
    rewrite  => "RewriteEngine On\n"
        . 'RewriteRule "^/quit(/.*)?$" "-" [H=wheel-stop]' . "\n"
        . 'RewriteRule "^/one/.+$" "-" [H=wheel-stop]',
    dir      => '<Directory "DIR/htdocs/halt">%</Directory>',
    docroot  => '<Directory "DIR/htdocs">%</Directory>',
    htaccess => '<Directory "DIR/htdocs">AllowOverride All</Directory>',
    files    => '<Files "halt.stop">%</Files>',
    allfiles => '<Files "*">%</Files>',
    suffix   => 'AddHandler wheel-stop .stop',
    unmerged => "MergeSlashes Off\n<Location \"/halt\">%</Location>",
    nested   => "<Location \"/halt\">%</Location>\n"
        . '<Location "/halt/all">%</Location>',
);
plan tests => @table + 3, need_module 'wheel';

my $server = WheelServer->new(processes => 1, threads => 8);
my $dir    = $server->dir;
mkdir "$dir/htdocs/$_" or die "$_: $!\n" for qw(halt halt/sub acc acc/sub);
spew("$dir/htdocs/$_", "a file\n")
    for qw(halt/real halt/red acc/blue halt.stop);
spew("$dir/htdocs/acc/.htaccess", "SetHandler wheel-stop\n");
for my $lines (values %set) {
    $lines =~ s/(?<=>)%(?=<)/\n    SetHandler wheel-stop\n/g;
    $lines =~ s/(<Directory[^>]*>)(Allow.*?)</$1\n    $2\n</;
}
$server->configure(config => load_modules('rewrite')
        . $server->virtual_hosts(%set));
$server->start or die $server->error_log;
my @wheels = map { $server->rotate(1, $_) } '/rotate', '/rotate/red',
    '/rotate/blue';
for my $row (@table) {
    my ($host, $path, $wanted) = @$row;
    my $answer = $server->get("$path?dry",
        headers => [Host => "$host.test"]);
    my $json = ($answer->status // 0) == 200
        && ($answer->header('Content-Type') // '') eq 'application/json'
        ? $answer->json : undef;
    my $seen = !$json ? $answer->status
        : join ' ', sort map { $_->{name} // '' } @{ $json->{wheels} };
    # A dry stop that finds nothing is a stop that answers 404.
    is $seen eq '' ? 404 : $seen, $wanted, "$host: $path stops "
        . ($wanted eq ALL ? 'all' : $wanted eq '404' ? 'none' : $wanted);
}
is $server->get('/stop/red')->header('Wheel-Stopped'), 1,
    'none of them has stopped anything';
is $server->get('/stop')->header('Wheel-Stopped'), 2, 'nor of the others';
is await(@wheels), 3, 'all have ended';
