# SPDX-License-Identifier: Apache-2.0
# A CGI script that is stopped ends also where the user of the server has more
# processes than a process may have descriptors.

use strict;
use warnings FATAL => 'all';

use POSIX ();
use WheelHttpd qw(run_user);
use WheelPlan;
use WheelRequests qw(cgi_config listed stop_listed);
use WheelServer ();
use WheelTest qw(wait_until);

use constant { DESCRIPTORS => 128, PROCESSES => 150 };

plan tests => 2, need_module 'wheel',
    { 'root alone may be another user' => sub { $> == 0 } };

# They are older than the script.
my ($uid, $gid) = (getpwnam run_user())[2, 3];
my @many = map { sleeper() } 1 .. PROCESSES;
END { kill KILL => @many if @many }

my $server = WheelServer->new(
    within => ['prlimit', '--nofile=' . DESCRIPTORS], config => ''
);
$server->configure(config => cgi_config($server, sleep => 'exec sleep 600')
        . "WheelRequests on\n");
$server->start or die $server->error_log;
my $answer = $server->begin(GET => '/cgi/sleep');
listed($server, '/cgi/sleep');
ok stop_listed($server, '/cgi/sleep', $answer), 'the script ends';
is $answer->status, 503, 'and its client is told';

sub sleeper {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    @many = ();
    POSIX::setgid($gid);
    POSIX::setuid($uid);
    exec 'sleep', '600' or POSIX::_exit(127);
}
