# SPDX-License-Identifier: Apache-2.0
# A child that writes random words all over the table and the slots, while jobs
# begin, are stopped and reach limits, ends no other process: not the parent,
# the privileged process or the helper, not wheelctl, and no other process of
# its user.  The server goes on.
#
# Under one MPM: it has no part in who reads the table and the slots.

use strict;
use warnings FATAL => 'all';

use POSIX ();
use Time::HiRes qw(time);
use WheelControl qw(control_config wheelctl);
use WheelFaults qw(room_for);
use WheelHttpd qw(run_user spew user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect helper_pids wait_until);

use constant NOISE_SEC => 4;

plan tests => 7, need_module 'wheel',
    { 'root alone has a privileged process' => sub { $> == 0 } };

my $server = WheelServer->started(room_for(16),
    config => <<"END" . control_config());
@{[user_modules(qw(test_hostile test_busy))]}
WheelPrivileged cut cooldown where
WheelOnStop refuse interrupt=0 cut=0 cooldown=0 drain=1s
WheelRequests on slow=0 where=log
WheelTimeout 2
WheelCpuLimit 1
<Location "/noise">
    SetHandler test-hostile-noise
</Location>
<Location "/busy">
    SetHandler test-busy
</Location>
END
my %process = (
    parent     => $server->pid,
    helper     => (helper_pids($server->pid))[0],
    privileged => (WheelTest::privileged_pids($server->pid))[0],
    stranger   => stranger(),
);
my ($began, @noise, %code) = time;
while (time < $began + NOISE_SEC) {
    push @noise, $server->begin(GET => '/noise') if @noise < 2;
    my @jobs = map { $server->begin(GET => $_) }
        qw(/busy?deaf=1 /busy?write=1 /rotate/x?wait=1 /stop?path=/b* /stop
        /wheel-status?json);
    for my $command (['list'], [qw(stop --path=/b*)], [qw(where --id=1)]) {
        $code{ (wheelctl($server, @$command))[0] }++;
    }
    collect(0.3, @jobs);
}
ok $code{0}, 'wheelctl is answered';
is scalar(grep {/signal/} keys %code), 0, 'and does not die';
ok kill(0, $process{$_}), "the $_ lives" for sort keys %process;
spew($server->dir . '/htdocs/end', '');
ok wait_until { ($server->get('/')->body // '') eq "hello\n" },
    'the server goes on';
kill KILL => $process{stranger};
waitpid $process{stranger}, 0;

# A process of the user who serves requests.
sub stranger {
    my $pid = fork // die "$!\n";
    return $pid if $pid;
    POSIX::setuid(scalar getpwnam run_user());
    sleep 300;
    POSIX::_exit(0);
}
