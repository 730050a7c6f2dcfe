# SPDX-License-Identifier: Apache-2.0
# A program of mod_ext_filter that does not end, for an answer or for the body
# of a request, ends when the request is stopped, and its CPU time is the
# request's.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(slurp spew user_modules);
use WheelPlan;
use WheelRequests qw(listed load_modules stop_listed);
use WheelServer ();
use WheelTest qw(await wait_until);

my %asked = (
    output => [GET => '/output'],
    input  => [POST => '/input?body',
        body => '0123456789'],
);
plan tests => 6 * keys(%asked), need_module 'wheel', 'ext_filter';

my $server = WheelServer->new(config => '');
my $dir    = $server->dir;
spew("$dir/loop", "#!/bin/sh\nwhile :; do :; done\n");
chmod 0755, "$dir/loop", $dir or die "$dir: $!\n";
$server->configure(config => <<"END");
@{[load_modules('ext_filter'), user_modules('test_busy')]}
WheelRequests on slow=100ms
ExtFilterDefine output mode=output cmd="$dir/loop output"
ExtFilterDefine input mode=input cmd="$dir/loop input"
Alias "/output" "$dir/htdocs/index.html"
<LocationMatch "^/(limited-)?output">
    SetOutputFilter output
</LocationMatch>
<LocationMatch "^/(limited-)?input">
    SetInputFilter input
    SetHandler test-busy
</LocationMatch>
<LocationMatch "^/limited-">
    WheelCpuLimit 300ms
</LocationMatch>
Alias "/limited-output" "$dir/htdocs/index.html"
END
$server->start or die $server->error_log;

for my $name (sort keys %asked) {
    my ($method, $target, @rest) = @{ $asked{$name} };
    my $answer = $server->begin($method => $target, @rest);
    ok wait_until { programs($name) }, "$name: the program runs";
    ok stop_listed($server, "/$name", $answer), "$name: a stop ends the request";
    is $answer->status, 503, "$name: its client is told";
    ok wait_until { !programs($name) }, "$name: the program has ended";
    my $limited = $server->begin($method => $target =~ s{^/}{/limited-}r, @rest);
    await($limited);
    is $limited->status, 504, "$name: the program uses the time of its request";
    ok wait_until { !programs($name) }, "$name: and ends at the limit";
}

# The programs of a filter that run.
sub programs {
    my ($name) = @_;
    return grep { (eval { slurp("/proc/$_/cmdline") } // '')
            =~ m{\0\Q$dir\E/loop\0$name\0} } map {m{/(\d+)$}} glob '/proc/[0-9]*';
}
