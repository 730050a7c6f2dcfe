# SPDX-License-Identifier: Apache-2.0
# What a request waits for, or computes, before its handler runs: a check of who
# may ask, a login, a map of mod_rewrite, a quick handler.  It is listed, limited
# and stopped as later.

use strict;
use warnings FATAL => 'all';

use Socket ();
use WheelClient ();
use WheelHttpd qw(module_file spew);
use WheelPlan;
use WheelRequests qw(listed load_modules stop_listed);
use WheelServer ();
use WheelTest qw(collect wait_until);

my $lua = module_file() =~ s/mod_wheel\.so\z/mod_wheel_lua.so/r;
plan tests => 31, need 'wheel',
    { 'mod_wheel_lua is built' => sub { -e $lua } };

my $server = WheelServer->new(processes => 2, threads => 8, spare => 2);
my $dir    = $server->dir;
my $htdocs = "$dir/htdocs";
my @modules = qw(lua rewrite session session_cookie auth_form authn_core
    authn_file authz_user authz_core request cache cache_disk);
spew("$dir/hooks.lua", <<'END');
function check(r)
    while r.uri:match("^/spin") do end
    local ends = r:clock() + 1e6
    while r.uri:match("^/brief") and r:clock() < ends do end
    return apache2.DECLINED
end
function quick(r)
    while r.uri == "/quick" do end
    return apache2.DECLINED
end
END
spew("$dir/map", <<"END");
#!/bin/sh
while read key; do
    while [ ! -e "$dir/answer" ]; do sleep 0.05; done
    echo /index.html
done
END
chmod 0755, "$dir/map" or die "$dir/map: $!\n";
mkdir "$dir/cache" or die "$dir/cache: $!\n";
chmod 0777, "$dir/cache" or die "$dir/cache: $!\n";
my $modules = join '', load_modules(qw(lua rewrite session request auth_form
    authn_core authn_file authz_core authz_user cache cache_disk));
$server->configure(config => <<"END");
$modules
LoadModule wheel_lua_module "$lua"
WheelRequests on slow=100ms
SendBufferSize 4096
LogFormat "%U %>s %{wheel-stopped-by}n" stopped
CustomLog stopped stopped
LuaQuickHandler "$dir/hooks.lua" quick
LuaHookAccessChecker "$dir/hooks.lua" check
RewriteEngine on
RewriteMap slow "prg:$dir/map"
RewriteRule "^/mapped" "\${slow:key}"
<LocationMatch "^/(spin|brief)">
    SetHandler server-info
</LocationMatch>
<Location "/spin/limited">
    WheelTimeout 300ms
</Location>
<Location "/brief/unlisted">
    WheelRequests off
</Location>
<Location "/login">
    AuthType form
    AuthName login
    AuthFormProvider file
    AuthUserFile "$dir/users"
    Require valid-user
</Location>
CacheRoot "$dir/cache"
CacheMaxFileSize 10000000
CacheEnable disk "/cached"
END
spew("$dir/users", '');
spew("$htdocs/index.html", "index\n");
mkdir "$htdocs/cached" or die "$htdocs/cached: $!\n";
spew("$htdocs/cached/big", 'x' x 9_000_000);
$server->start or die $server->error_log;

is_stopped('/spin', 'a check of who may ask', GET => '/spin');
is_stopped('/quick', 'a quick handler', GET => '/quick');
is_stopped('/login', 'a login that waits for its body', POST => '/login',
    headers => ['Content-Length' => 10,
        'Content-Type' => 'application/x-www-form-urlencoded']);
my $limited = $server->get('/spin/limited');
is $limited->status, 504, 'a limit of the location: the client is told';
is $limited->header('Wheel-Stopped-By'), 'deadline', 'and why';

my @brief = map { $server->begin(GET => "/brief/$_") } qw(unlisted listed);
ok listed($server, '/brief/listed'), 'a check that ends: listed';
is scalar(grep { $_->{path} eq '/brief/unlisted' }
    @{ $server->status->{requests} }), 0, 'but not where WheelRequests is off';
collect(30, @brief);
is join(' ', map { $_->status } @brief), '404 404', 'both go on';

# The program of a map can't be interrupted; the stop is not forgotten.
my $mapped = $server->begin(GET => '/mapped');
my $row    = listed($server, '/mapped');
is $row->{handler}, '', 'a request without a handler yet';
like $server->get("/stop?id=$row->{id}&json&wait=0.5")->body,
    qr/"outcome":"running"/, 'a map that does not answer: it runs on';
ok $server->logs(qr/WH0105: request $row->{id} of handler \(not known yet\) /),
    'as the log says';
spew("$dir/answer", '');
collect(30, $mapped);
is $mapped->status, 503, 'and ends when the map has answered';

is $server->get('/cached/big')->status, 200, 'a file for the cache';
my $client = WheelClient->new($server->port);
setsockopt $client->socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
$client->send($client->head(GET => '/cached/big'));
$row = listed($server, '/cached/big', sub { $_[0]{state} eq 'sending' });
ok $row->{sent_bytes} > 0, 'an answer of the cache: listed';
is $server->get("/stop?id=$row->{id}")->status, 200, 'a stop';
ok wait_until {
    !grep { $_->{path} eq '/cached/big' } @{ $server->status->{requests} };
}, 'ends it';

is $server->get('/login')->status, 401, 'a login without a name is refused';
is $server->get('/')->body, "index\n", 'the server goes on';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'and no child has died';

sub is_stopped {
    my ($path, $what, @request) = @_;
    my $answer = $server->begin(@request);
    my $row    = listed($server, $path);
    ok $row, "$what: listed";
    ok stop_listed($server, $path, $answer), 'it ends';
    is $answer->status, 503, 'its client is told';
    ok -e "/proc/$row->{pid}", 'the child lives';
    ok wait_until { $server->file_text('stopped') =~ m{^\Q$path\E 503 stop$}m },
        'the access log says why';
    return;
}
