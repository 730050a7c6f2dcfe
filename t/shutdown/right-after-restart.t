# SPDX-License-Identifier: Apache-2.0
# TERM that reaches a child before it has heard of a graceful restart ends its
# wheels all the same: the child is held, here, until it has both to hear.  worker
# and event ignore that TERM; the next one comes three seconds later.

use strict;
use warnings FATAL => 'all';

use POSIX qw(SIGTERM);
use WheelFaults qw(answers_by complaints ended_in_time parent_naps restarted
    turn);
use WheelHttpd qw(slurp);
use WheelPlan;
use WheelServer ();
use WheelTest qw(freeze wait_until);

plan tests => 6, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 12);
my $count  = $server->mpm eq 'prefork' ? 1 : 5;
my @wheels = turn($server, $count);
my %held   = map { $_->{pid} => 1 } $server->rotating;

# The parent is to see each of them.
my $before = parent_naps($server);
ok freeze(keys %held), 'the children with wheels are held';
wait_until { parent_naps($server) > $before + keys(%held) + 1 };
ok restarted($server, 'USR1'), 'the server restarts gracefully';
$server->signal('TERM');
my $term = 1 << SIGTERM - 1;
ok wait_until {
    keys %held == grep {
        slurp("/proc/$_/status") =~ /^ShdPnd:\s*(\w+)/m && hex($1) & $term
    } keys %held;
}, 'TERM waits for them';
kill CONT => keys %held;
my $more = $server->mpm eq 'prefork' ? 0 : 3;
ended_in_time($server, 'CONT', 'a held child', @wheels);
is_deeply answers_by(@wheels), { shutdown => $count },
    'the clients are answered';
is_deeply [grep { !$more || !/AH00045/ } complaints($server)], [],
    'the log has no complaint, but for that next TERM';
