# SPDX-License-Identifier: Apache-2.0
# A stop wakes the helper, so that the processes of a CGI script don't go on
# until its next tick; and a child that wakes it all the time doesn't keep it
# busy.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(sleep time);
use WheelPlan;
use WheelRequests qw(cgi_config listed stop_listed);
use WheelServer ();
use WheelTest qw(child_pids collect cpu_seconds helper_pids process_handle
    wait_until);

# A tick is 100 ms.  Of stops that wait for one, two of five take less than
# this: it is not by chance that ten of twelve do.
use constant { SOON_SEC => 0.04, STOPS => 12, SOON => 10, ROUNDS => 5 };

# As <sys/syscall.h> has it.
use constant PIDFD_GETFD => 438;

plan tests => 5, need_module 'wheel',
    { 'root alone may take a descriptor of a child' => sub { $> == 0 } };

# A tick can be told from other load by test and server at real-time priority.
my $first = system("chrt --fifo --pid 1 $$ 2>/dev/null") == 0;
my $server = WheelServer->new;
$server->configure(config => cgi_config($server, sleep => 'exec sleep 600')
        . "WheelRequests on\n");
$server->start or die $server->error_log;

SKIP: {
    skip 'no real-time priority', 1 unless $first;
    my ($rounds, $soon) = (0, 0);
    $soon = grep { stop_took() < SOON_SEC } 1 .. STOPS
        until $soon >= SOON || $rounds++ >= ROUNDS;
    cmp_ok $soon, '>=', SOON, 'scripts end soon after their stops';
    system('chrt', '--other', '--pid', 0, $$) == 0 or die;
}

# What a child can wake the helper by: the one socket that both have.
my ($helper) = helper_pids($server->pid);
my ($child)  = child_pids($server->pid);
my %helpers  = map { $_ => 1 } map { socket_of($helper, $_) } 3 .. 255;
my ($number, @more) =
    grep { grep { $helpers{$_} } socket_of($child, $_) } 3 .. 255;
ok $number && !@more, 'a child can wake the helper, and share nothing else';
my $held = process_handle($child);
my $fd   = syscall PIDFD_GETFD, fileno $held, $number + 0, 0;
open my $bell, '>&=', $fd or die "$!\n";
$bell->blocking(0);
my ($used, $until) = (cpu_seconds($helper), time + 2);
while (time < $until) {
    syswrite $bell, 'x';
}
cmp_ok cpu_seconds($helper) - $used, '<', 0.5,
    'woken all the time for two seconds, it rests for most of them';
is +(helper_pids($server->pid))[0], $helper, 'it lives';
my $answer = $server->begin(GET => '/cgi/sleep');
stop_listed($server, '/cgi/sleep', $answer);
is $answer->status, 503, 'and goes on ending scripts';

sub socket_of {
    my ($pid, $number) = @_;
    return grep {/^socket:/} readlink("/proc/$pid/fd/$number") // q();
}

# From the stop to the answer, which comes when the script is dead.
sub stop_took {
    my $answer = $server->begin(GET => '/cgi/sleep');
    listed($server, '/cgi/sleep');
    sleep rand 0.1;
    return stop_listed($server, '/cgi/sleep', $answer);
}
