# SPDX-License-Identifier: Apache-2.0
# A program that a handler has started, and waits for, ends with a stop of its
# request, whatever the engine: mod_lua and mod_perl here.  Its CPU time counts,
# and programs of other requests run on.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl_json);
use WheelHttpd qw(libexec_dir slurp spew);
use WheelPlan;
use WheelRequests qw(listed load_modules stop_listed);
use WheelServer ();
use WheelTest qw(await collect wait_until);

plan tests => 17, need 'wheel',
    { 'mod_perl is installed' => sub { -e libexec_dir() . '/mod_perl.so' } },
    { 'root alone may trace a child' => sub { $> == 0 } };

my $server = WheelServer->started(processes => 1, threads => 6, config => '');
my $htdocs = $server->dir . '/htdocs';
chmod 0777, $htdocs;
$server->configure(config => load_modules(qw(lua perl)) . control_config() . <<'END');
WheelRequests on slow=50ms
WheelCpuLimit 500ms
AddHandler lua-script .lua
<Files "*.pl">
    SetHandler perl-script
    PerlResponseHandler ModPerl::Registry
    PerlOptions +ParseHeaders
    Options +ExecCGI
</Files>
END

# Each program writes its number into a file of its own.
sub program {
    my ($name, $then) = @_;
    return "echo \\\$\\\$ >$htdocs/$name; $then";
}

# The same in the command of a shell, in the words of Lua and of Perl.
sub lua {
    my ($name, $call, $then) = @_;
    my $program = program($name, $then) =~ s/\\//gr;
    spew("$htdocs/$name.lua", "function handle(r)\n"
        . sprintf($call, "'$program'") . "\nr:puts('over')\nreturn 0\nend\n");
}
lua(first  => 'os.execute(%s)', 'exec sleep 3000');
lua(second => 'os.execute(%s)', 'exec sleep 3000');
lua(piped  => 'local f = io.popen(%s); f:read()', 'exec sleep 3000');
lua(tree   => 'os.execute(%s)', 'trap : TERM; while :; do sleep 3000; done');
lua(busy   => 'os.execute(%s)', 'while :; do :; done');
spew("$htdocs/perl.pl", 'print "Content-Type: text/plain\n\n"; system("'
    . program('perl', 'sleep 3000') . qq{"); print "over";\n});
chmod 0755, "$htdocs/perl.pl";
$server->stop;
$server->start or die $server->error_log;

# The number of a program, once it runs.
sub pid_of {
    my ($name) = @_;
    return wait_until {
        -s "$htdocs/$name" && slurp("$htdocs/$name") =~ /^(\d+)$/m && $1;
    };
}

my $first  = $server->begin(GET => '/first.lua');
my $second = $server->begin(GET => '/second.lua');
my %pid    = map { $_ => pid_of($_) } qw(first second);
my $row    = listed($server, '/first.lua');
my (undef, $where) = wheelctl_json($server, 'where', "--id=$row->{id}");
is_deeply [map { $_->{pid} } @{ $where->{processes} }], [$pid{first}],
    'wheelctl where shows the program, and none of another request';
ok stop_listed($server, '/first.lua', $first), 'system() of Lua: it ends';
is $first->status, 503, 'its client is told';
ok !-e "/proc/$pid{first}", 'and its program is gone';
ok !collect(0, $second) && -e "/proc/$pid{second}",
    'another one of the same server runs on';
ok stop_listed($server, '/second.lua', $second), 'until it is stopped';

for my $target (qw(piped.lua tree.lua perl.pl)) {
    my ($name) = $target =~ /^(\w+)/;
    my $answer = $server->begin(GET => "/$target");
    my $pid    = pid_of($name);
    ok stop_listed($server, "/$target", $answer), "$target: it ends";
    is $answer->status, 503, 'its client is told';
    ok wait_until { !-e "/proc/$pid" }, 'and its program is gone';
}

my $busy = $server->begin(GET => '/busy.lua');
my $pid  = pid_of('busy');
await($busy);
is $busy->header('Wheel-Stopped-By'), 'cpu', 'the CPU time of a program counts';
ok !-e "/proc/$pid", 'and it ends with its request';
