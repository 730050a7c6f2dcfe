# SPDX-License-Identifier: Apache-2.0
# What the parent shares with its helper, and with the privileged process, no
# other process has: no child, no daemon of another module, no script, no log
# program, however often the server restarts.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config);
use WheelHttpd qw(redis_module_file slurp spew user_modules);
use WheelPlan;
use WheelRequests qw(cgi_scripts load_modules);
use WheelServer ();
use WheelTest qw(forked_pids helper_pids supervisor_pids wait_until);

use constant RESTARTS => 2;

plan tests => 8 * (1 + RESTARTS), need_module 'wheel',
    { 'root alone may see the descriptors of a child' => sub { $> == 0 } };

my $server = WheelServer->new(config => '');
my $dir    = $server->dir;
spew("$dir/logger", "#!/bin/sh\nexec cat >/dev/null\n");
chmod 0755, "$dir/logger" or die "$dir/logger: $!\n";
$server->configure(config => <<"END" . control_config());
LoadModule wheel_redis_module "@{[redis_module_file()]}"
@{[load_modules('cgid'), cgi_scripts($server, script => 'exec sleep 600')]}
@{[user_modules('test_daemon')]}
CustomLog "|$dir/logger" "%h"
CoreDumpDirectory "$dir"
WheelCluster redis://127.0.0.1:1
WheelRequests on
WheelPrivileged cut cooldown where
END
$server->start or die $server->error_log;
check('started');
for my $n (1 .. RESTARTS) {
    my @old = forked_pids($server->pid);
    $server->graceful;
    # A child of prefork that has missed it goes after its next request.
    wait_until {
        $server->get('/');
        !grep { -e "/proc/$_" } @old;
    } or die "no restart\n";
    check("restart $n");
}

sub check {
    my ($when) = @_;
    my $parent = $server->pid;
    my $answer = $server->begin(GET => '/cgi/script');
    my $script = wait_until { (named('sleep'))[0] } or die "no script\n";
    my $logger = wait_until { (named('cat'))[0] } or die "no log program\n";
    my ($helper) = helper_pids($parent);
    my ($privileged) = WheelTest::privileged_pids($parent);
    my %told = map { $_ => 1 } $parent, supervisor_pids($parent), $helper,
        $privileged;
    my @others = grep { !$told{$_} } tree($parent);
    my %shared = map { $_ => 1 } sockets($parent);
    cmp_ok scalar(grep { $shared{$_} } sockets($helper)), '>=', 7,
        "$when: parent and helper share sockets";
    is scalar(grep { $shared{$_} } sockets($privileged)), 1,
        'one is that of the privileged process';
    ok +(grep { !owned_by_root("/proc/$_/fd") } $server->children),
        'with a CoreDumpDirectory, children show theirs to their user';
    is scalar(grep { owned_by_root("/proc/$_/fd") } supervisor_pids($parent),
        $helper), 2, 'supervisor and helper do not';
    my ($daemon) = grep { grep { $_ == $script } forked_pids($_) } @others;
    ok $daemon && named('test-daemon'), 'there are daemons';
    my %others = map { my $pid = $_;
        map { $_ => 1 } grep { $shared{$_} } sockets($pid) } @others;
    # By these, children wake the helper, and tell it what other hosts are to
    # stop.
    is scalar(keys %others), 2, 'others have two of them';
    is join(' ', links($script)), '', 'a script has none';
    is join(' ', links($logger)), '', 'nor has a log program';
    kill KILL => $script;
    return;
}

# What only root may see is root's.
sub owned_by_root {
    my ($folder) = @_;
    my @info = stat $folder or die "$folder: $!\n";
    return $info[4] == 0;
}

# All processes below this one, and it.
sub tree {
    my ($pid) = @_;
    return ($pid, map { tree($_) } forked_pids($pid));
}

sub named {
    my ($name) = @_;
    return grep { WheelTest::process_name($_) eq $name } tree($server->pid);
}

# What a process has open, but for pipes, files, and its input and output.
sub links {
    my ($pid) = @_;
    return grep { !/^(?:pipe:|\/)/ } map { readlink // () }
        grep { !/\/[012]$/ } glob "/proc/$pid/fd/*";
}

# Its sockets, but for those of TCP.
sub sockets {
    my ($pid) = @_;
    my $tcp = join '', map { slurp("/proc/net/$_") } qw(tcp tcp6);
    return grep { !/\[(\d+)\]/ || $tcp !~ /\b$1\b/ } grep {/^socket:/} links($pid);
}
