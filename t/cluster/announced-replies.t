# SPDX-License-Identifier: Apache-2.0
# What answers at the address of Redis announces more than any Redis has: no
# host makes room for it, and none is kept busy by it.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use POSIX ();
use WheelPlan;
use WheelHttpd qw(redis_module_file);
use WheelServer ();
use WheelTest qw(soonest wait_until);

plan tests => 4, need_module 'wheel';

# To whatever is said.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 100)
    or die "no listener: $!\n";
my $pid = fork // die "fork: $!\n";
if (!$pid) {
    while (my $client = $listener->accept) {
        sysread $client, my $said, 65536;
        syswrite $client, "*2147483647\r\n";
    }
    POSIX::_exit(0);
}
my $server = WheelServer->started(config => sprintf <<'END',
LoadModule wheel_redis_module "%s"
WheelCluster redis://127.0.0.1:%d timeout=1s
END
    redis_module_file(), $listener->sockport);

ok wait_until { $server->error_log =~ /WH0085: .*: a reply of too many parts/ },
    'its host says what is wrong';
my $answer;
my $took = soonest {
    $answer = $server->get('/wheel-status?cluster&json');
    $answer->seconds;
} 1;
cmp_ok $took, '<', 1, 'a status of all hosts takes no longer than it may';
like $answer->json->{problem}, qr/too many parts/, 'and has what is wrong';
is $server->get('/stop')->status, 502, 'a stop is told to nobody';

END { kill KILL => $pid if $pid }
