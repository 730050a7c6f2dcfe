# SPDX-License-Identifier: Apache-2.0
# A request whose thread waits for a backend that no hook shows is freed by the
# step cut; wheelctl where tells what it waits for; neighbours don't notice.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelPlan;
use WheelRequests qw(listed load_modules stop_listed);
use WheelServer ();
use WheelTest qw(await child_pids wait_until);

my @kinds = qw(ajp scgi fcgi);
plan tests => 6 * @kinds + 10, need_module 'wheel', 'proxy',
    { 'root alone may trace a child' => sub { $> == 0 } };

# It takes connections and says nothing.
my $silent = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64
) or die "$!\n";
my $backend = '127.0.0.1:' . $silent->sockport;
my $config  = load_modules('proxy', map {"proxy_$_"} @kinds) . control_config()
    . <<"END" . join '', map {qq(ProxyPass "/$_" "$_://$backend/"\n)} @kinds;
WheelRequests on slow=50ms
WheelPrivileged cut where
WheelOnStop refuse interrupt cut
END
my $server = WheelServer->started(
    processes => 2, threads => 10, config => $config
);
# The filter is what it sets last.
my $rights = wait_until {
    my $of = privileged_process();
    $of && $of->{Seccomp} && $of;
};
ok $rights, 'a process has the privilege';
is $rights->{CapEff}, '0000000000880000', 'two capabilities and no others';
is $rights->{Seccomp}, 2, 'behind a filter of system calls';
my @children = sort { $a <=> $b } child_pids($server->pid);

for my $kind (@kinds) {
    my $answer = $server->begin(GET => "/$kind/");
    my $beside = $server->begin(GET => "/$kind/beside");
    my $row    = listed($server, "/$kind/");
    ok $row, "$kind: it waits and is listed";
    my ($code, $out) = wheelctl($server, 'where', "--id=$row->{id}");
    like $out, qr/waits for: poll: \Q$backend\E$/m,
        'where it waits is said';
    like $out, qr/^  #\d+ +run_from_head \(run\.c:\d+\)$/m, 'with its stack';
    ok stop_listed($server, "/$kind/", $answer), 'a stop frees it';
    is $answer->status, 503, 'and its client is told';
    ok listed($server, "/$kind/beside"), 'the one beside it goes on';
    ($code, $out) = wheelctl($server, qw(stop --cut),
        "--id=@{[listed($server, qq(/$kind/beside))->{id}]}");
    await($beside);
}
is_deeply [sort { $a <=> $b } child_pids($server->pid)], \@children,
    'no child has died';
is +($server->get('/')->body), "hello\n", 'and all serve';

# One that computes has nothing to cut, and one that has ended is not there.
my ($code, undef, $err) = wheelctl($server, qw(where --id=1));
is $code, 1, 'a request that does not run';
like $err, qr/no job runs that has the id 1/, 'is not found';
($code, undef, $err) = wheelctl($server, 'where', '--older=1');
is $code, 2, 'where is for one id';
like $err, qr/where takes --id=N/, 'and says so';
($code, undef, $err) = wheelctl($server, 'cool', '--id=1');
is $code, 1, 'nor can it be cooled down';

# What /proc says of the privileged process.
sub privileged_process {
    my ($pid) = WheelTest::privileged_pids($server->pid) or return;
    open my $in, '<', "/proc/$pid/status" or return;
    return { map { /^(\w+):\s*(.*)/ } <$in> };
}
