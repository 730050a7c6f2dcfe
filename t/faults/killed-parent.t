# SPDX-License-Identifier: Apache-2.0
# The parent is killed: its children go on as they do in any httpd, and one stop
# ends the wheels of all generations.  TERM, which worker and event take from
# nobody else, ends an orphan whose wheels turn, and they are answered.  When
# all have ended, no file is left but the logs and those of the pid and the ids.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename);
use WheelFaults qw(answers_by kill_hard restarted turn);
use WheelHttpd qw(slurp);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 13, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 10);
my ($older) = turn($server, 1, 'older');
my @wheels  = turn($server, 3, 'many');
restarted($server, 'USR1');
push @wheels, turn($server, 3, 'many');

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
my $stop = $server->get('/stop/many');
is $stop->header('Wheel-Stopped'), 6, 'its children stop wheels of both ages';
is_deeply answers_by(@wheels), { stop => 6 }, 'and answer them';
my ($newer) = turn($server, 1, 'newer');
ok $newer, 'new wheels turn';

my %pid = map { $_->{name} => $_->{pid} } $server->rotating;
isnt $pid{older}, $pid{newer}, 'they turn in different processes';
orphan_ends('an orphan that was to end', $pid{older}, $older);
orphan_ends('an orphan that was not', $pid{newer}, $newer);

ok kill_hard(@pids), 'the other children are killed';
my $dir = $server->dir;
is_deeply [sort map { basename($_) } glob "$dir/* $dir/run/*"],
    [sort qw(error_log htdocs httpd.conf httpd.pid output run wheel-ids)],
    'nothing is left but the pid file, the file of ids and the logs';

# A worker that waits for a wheel notices within its tick that its parent has
# gone; until then, its MPM ignores TERM.
sub orphan_ends {
    my ($what, $pid, $wheel) = @_;
    ok wait_until { kill TERM => $pid; !alive($pid) },
        "$what ends by anybody's TERM";
    is_deeply answers_by($wheel), { shutdown => 1 },
        "$what answers its client";
    return;
}
