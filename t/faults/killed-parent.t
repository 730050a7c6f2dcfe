# SPDX-License-Identifier: Apache-2.0
# The parent is killed: its children go on as they do in any httpd, one stop
# ends the wheels of all generations, and when they are killed, too, nothing
# with a name is left but the pid file and the logs.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename);
use WheelFaults qw(answers_by kill_hard restarted turn);
use WheelHttpd qw(slurp);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 8, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 10);
my @wheels = turn($server, 3);
restarted($server, 'USR1');
push @wheels, turn($server, 3);

# A child of the older generation may end meanwhile.
my @pids = ($server->pid, $server->children);
my @maps = map { split /\n/, eval { slurp("/proc/$_/maps") } // '' } @pids;
my @named = grep { m{ (?:/dev/shm/|/SYSV)} } @maps;
is_deeply \@named, [], 'no shared memory has a name';
my @segments = grep { my $segment = $_; grep { $segment =~ /\b$_\b/ } @pids }
    split /\n/, slurp('/proc/sysvipc/shm');
is_deeply \@segments, [], 'and none is of System V';

kill_hard(shift @pids);
ok !$server->up, 'the parent is dead';
my $stop = $server->get('/stop');
is $stop->header('Wheel-Stopped'), 6, 'its children stop all wheels';
is_deeply answers_by(20, @wheels), { stop => 6 }, 'and answer them';
my ($wheel) = $server->begin(GET => '/rotate');
ok wait_until { $server->rotating == 1 }, 'new wheels turn';

ok kill_hard(@pids), 'the children are killed, too';
my $dir = $server->dir;
is_deeply [sort map { basename($_) } glob "$dir/* $dir/run/*"],
    [sort qw(error_log htdocs httpd.conf httpd.pid output run)],
    'nothing is left but the pid file and the logs';
