# SPDX-License-Identifier: Apache-2.0
# A script of mod_lua that is stopped ends, and catches its end in vain; its
# child lives on.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl);
use WheelHttpd qw(module_file spew);
use WheelPlan;
use WheelRequests qw(listed listed_sending load_modules stop_listed);
use WheelServer ();
use WheelTest qw(wait_until);

my $module = module_file() =~ s/mod_wheel\.so\z/mod_wheel_lua.so/r;
plan tests => 16, need 'wheel',
    { 'mod_wheel_lua is built' => sub { -e $module } };

my $server = WheelServer->new(config => '');
$server->configure(config => <<"END");
@{[load_modules('lua')]}
LoadModule wheel_lua_module "$module"
AddHandler lua-script .lua
@{[control_config()]}
WheelRequests on slow=100ms
<Files "limited.lua">
    WheelCpuLimit 500ms
</Files>
END
$server->start or die $server->error_log;
my %script = (
    loop    => 'while true do end',
    nested  => "local function spin() while true do end end\n"
        . "pcall(function() spin() end) r:puts('')",
    limited => 'while true do end',
    caught  => 'while true do pcall(function() while true do end end) end',
    thread  => 'coroutine.wrap(function() while true do end end)()',
    begun   => 'r:puts(string.rep("x", 10000)) r:flush() while true do end',
    quick   => 'r:puts("quick")',
);
spew($server->dir . "/htdocs/$_.lua",
    "function handle(r)\n$script{$_}\nreturn apache2.OK\nend\n")
    for keys %script;

SKIP: {
    skip 'root alone may trace a child', 2 if $>;
    my $answer = $server->begin(GET => '/nested.lua');
    my $row    = listed($server, '/nested.lua');
    my $out;
    ok wait_until {
        (undef, $out) = wheelctl($server, 'where', "--id=$row->{id}");
        $out =~ /^in its script: (.*)$/m && $1 =~ /nested\.lua:2 \(spin\)/
    }, 'wheelctl where tells where the script is'
        or diag $out;
    like $out, qr/: \S*:2 \(spin\) < \S*:3 < \[C\] \(pcall\) < \S*nested\.lua:3/,
        'with its callers, of which one is written in C';
    stop_listed($server, '/nested.lua', $answer);
}
for my $name (qw(loop caught thread)) {
    my $answer = $server->begin(GET => "/$name.lua");
    my $row    = listed($server, "/$name.lua");
    ok stop_listed($server, "/$name.lua", $answer), "$name: it ends";
    is $answer->status, 503, "$name: its client is told";
    ok -e "/proc/$row->{pid}", "$name: the child lives";
}
my $begun = $server->begin(GET => '/begun.lua');
listed_sending($server, '/begun.lua');
stop_listed($server, '/begun.lua', $begun);
ok $begun->status == 200 && !defined $begun->body,
    'a part of an answer can not be taken for the whole';
my $limited = $server->get('/limited.lua');
is $limited->status, 504, 'a script that uses more CPU time than it may is stopped';
is $limited->header('Wheel-Stopped-By'), 'cpu', 'and its client told by what';
my $right = grep { ($server->get('/quick.lua')->body // '') eq 'quick' } 1 .. 200;
is $right, 200, 'the next requests are right';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'and no child has died';
