# SPDX-License-Identifier: Apache-2.0
# A process with a request that nothing can interrupt is drained: it takes
# nothing new, its other requests end as usual, then it ends with the one that
# doesn't, and another process serves in its place.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config);
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(await child_pids wait_until);

plan tests => 8, need_module 'wheel';

my $server = WheelServer->started(
    processes => 2, threads => 14, spare => 1,
    config    => user_modules('test_loop', 'test_busy') . <<'END');
WheelRequests on slow=50ms
<Location "/loop">
    SetHandler test-loop
</Location>
<Location "/limited">
    SetHandler test-loop
    WheelCpuLimit 100ms action=drain
</Location>
<Location "/busy">
    SetHandler test-busy
</Location>
WheelOnStop refuse interrupt drain=0
END

my $loop = $server->begin(GET => '/loop');
my $row  = listed($server, '/loop');
my @others = map { $server->begin(GET => '/busy?wait') } 1 .. 20;
ok wait_until {
    20 == grep { $_->{path} eq '/busy' } @{ $server->status->{requests} };
}, 'one request loops for ever, beside twenty others';
is $server->get("/stop?id=$row->{id}")->status, 200, 'it is stopped';
$server->logs(qr/WH0105: request $row->{id} .*; step: .*drain/);
spew($server->dir . '/htdocs/end', '');
my ($asked, $reached) = (0, 0);
wait_until {
    $asked++;
    $reached += $server->get('/')->status == 200;
    gone($row->{pid});
};
is $reached, $asked, 'whoever comes meanwhile is answered';
is await(@others), 20, 'the others are';
is join(' ', grep { $_ ne "waited\n" } map { $_->body // 'cut' } @others), '',
    'wholly';
ok $server->logs(qr/WH0106: process $row->{pid} is ended/),
    'the log has it';
ok wait_until {
    my @now = grep { $_ != $row->{pid} } child_pids($server->pid);
    @now >= 2;
}, 'another process is in its place';

# By a limit.
$server->begin(GET => '/limited');
$row = listed($server, '/limited');
ok wait_until { $server->get('/'); gone($row->{pid}) },
    'a limit with action=drain does the same';

# It has ended, or is about to be reaped.
sub gone {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 1;
    return (<$in> // '') =~ /\) Z /;
}
