# SPDX-License-Identifier: Apache-2.0
# Children that are worn out wait for their wheels before they end.  Under event
# each of them holds a place of ServerLimit for so long: when they hold all
# places, the oldest wheels end, and a new process serves.  Under worker, that
# is rare.  One whose job does not come to it is passed over.
#
# Starts first: children end and start again many times.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints turn);
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

use constant { ROUNDS => 4, PLACES => 3, CONNECTIONS => 30 };

plan tests => 8, need_module 'wheel';

my $server = WheelServer->started(
    processes => 1, threads => 8, spare => PLACES - 1,
    config    => "MaxConnectionsPerChild @{[CONNECTIONS]}\n"
);

# A wheel, and as many requests as wear its child out.
my ($served, @wheels) = (0);
for my $round (1 .. ROUNDS) {
    push @wheels, turn($server, 1, "round-$round");
    for (1 .. CONNECTIONS) {
        $served++ if wait_until { $server->serves };
    }
}
is $served, ROUNDS * CONNECTIONS, 'every request is answered in the end';

collect(0, @wheels);
my @done  = grep { $_->done && ($_->status // 0) == 200 } @wheels;
my @turns = grep { !$_->done } @wheels;
is_deeply answers_by(@done), { @done ? (shutdown => scalar @done) : () },
    'wheels that were ended have their numbers';

# worker's parent may miss that threads have ended.
my $gave_way = $server->error_log =~ /WH0013/;
is !@done, !$gave_way, 'where some were ended, the log says why';
my %right = (
    event => $gave_way && @turns > 0, worker => 1, prefork => !$gave_way
);
ok $right{ $server->mpm }, 'that is under event, and not all are';
$server->get('/stop');
is_deeply answers_by(@turns), { stop => scalar @turns },
    'the others are stopped by a stop';
is_deeply [complaints($server)], [], 'the log has no complaint';

# The oldest job is of a worker that does not poll its mark.  Under worker, it
# takes luck to get there: see t/restart/places-of-ended-threads.t.
SKIP: {
skip 'only event keeps the place of a process until its last job ends', 2
    if $server->mpm ne 'event';
$server->stop(0);
$server = WheelServer->started(
    processes => 1, threads => 8, spare => PLACES - 1,
    config    => user_modules('test_job') . <<"END");
MaxConnectionsPerChild @{[CONNECTIONS]}
<Location "/job">
    SetHandler test-job
</Location>
END
my $stuck = $server->begin(GET => '/job/own-burn');
wait_until { ($server->rotating)[0] };
($served, my @beside) = (0);
for my $round (1 .. ROUNDS) {
    push @beside, turn($server, 1, "beside-$round") if $round > 1;
    for (1 .. CONNECTIONS) {
        last if !wait_until { $server->serves } 30;
        $served++;
    }
}
is $served, ROUNDS * CONNECTIONS, 'a job that does not look ends no service';
spew($server->dir . '/htdocs/go', '');
is await($stuck), 1, 'and goes on';
}
