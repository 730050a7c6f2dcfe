# SPDX-License-Identifier: Apache-2.0
# A child that ends puts the threads of its wheels back from the idle class to
# the normal one, where the kernel allows it: beside other load, they could not
# even end for seconds.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(run_group run_user user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(thread_policy wait_until);

my @right = ('--inh-caps=+sys_nice', '--ambient-caps=+sys_nice');
plan tests => 9, need_module 'wheel',
    { 'the right can be given away' => sub { system("setpriv @right true 2>/dev/null") == 0 } };

# A child waits for half a second for its companions, which doze: this process
# is to get the CPU in that time, whatever else the machine does.
system("chrt --fifo --pid 1 $$ 2>/dev/null");

# A server of another user, which has the right, or has not; and root's, which
# gives the right to its children by a limit that some containers don't let it
# raise.
my $raises = system('prlimit --nice=20:20 true 2>/dev/null') == 0;
my @other  = ('setpriv', '--reuid=' . run_user(), '--regid=' . run_group(),
    '--clear-groups');
for my $case ([allowed => 1, @other, @right], [refused => 0, @other],
    ["root's" => $raises]) {
    my ($name, $allowed, @as) = @$case;

    # A machine that stands still for the half second hides what happens in it.
    my (@before, @after, @ended);
    for (1 .. ($allowed ? 3 : 1)) {
        my $server = server(@as);
        my ($doze, @thread) = dozing_thread($server);
        push @before, wait_until { (thread_policy(@thread) // '') eq 'idle' };
        $server->signal('TERM');
        push @after, class_at_end(@thread);
        push @ended, wait_until { !$server->up };
        last if $after[-1] eq 'normal';
    }
    is scalar(grep { !$_ } @before), 0,
        "$name: the thread of a job is of the idle class";
    is $after[-1], $allowed ? 'normal' : 'idle',
        "$name: its class when its child ends";
    is scalar(grep { !$_ } @ended), 0, "$name: the server has ended";
}

sub server {
    my (@as) = @_;
    my $server = WheelServer->new(
        within => ['chrt', '--other', '0', @as],
        config => user_modules('test_job') . <<'END');
<Location "/job">
    SetHandler test-job
</Location>
END
    @as and system('chown', '-R', run_user(), $server->dir) && die;
    chmod 0755, $server->dir;
    $server->start or die $server->error_log;
    return $server;
}

# The answer, the process and the thread of a job that never ends by itself.
sub dozing_thread {
    my ($server) = @_;
    my $doze = $server->begin(GET => '/job/doze');
    my $job;
    wait_until {
        ($job) = grep { $_->{thread} } $server->running;
    };
    return ($doze, @{$job}{qw(pid thread)});
}

sub class_at_end {
    my (@thread) = @_;
    my $returned = 0;
    wait_until {
        my $class = thread_policy(@thread) // '';
        $returned ||= $class eq 'normal';
        $returned || !$class;
    };
    return $returned ? 'normal' : 'idle';
}
