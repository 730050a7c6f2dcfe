# SPDX-License-Identifier: Apache-2.0
# Restart after restart, with a wheel in every process: there are always places
# for new ones.  Event, where one wheel holds a whole place of ServerLimit, ends
# the oldest wheels for that; each client gets its number.  Under worker, that is
# rare: its parent may miss that threads have ended.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(accepts answers_by complaints restarted turn);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

my $restarts = 4;
plan tests => 7, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 16, spare => 1);
my $event  = $server->mpm eq 'event';

# Processes of event that take requests and have no wheel.
sub free_processes {
    my %taken = map { $_->{pid} => 1 } $server->rotating;
    return grep { $event && !$taken{$_} && accepts($server, $_) }
        $server->children;
}

my ($served, @wheels) = (0);
for my $round (1 .. $restarts) {
    push @wheels, turn($server, 2, "round-$round");
    wait_until {
        my @free = free_processes();
        push @wheels, map { $server->begin(GET => '/rotate') } @free;
        wait_until { collect(0, @wheels) + $server->rotating >= @wheels };
        !@free;
    };
    restarted($server, 'USR1') or last;
    $served++ if wait_until { eval { $server->status } };
}
is $served, $restarts, "after each of $restarts restarts, it serves"
    or diag $server->error_log;

my (@left, @rotating);
wait_until {
    collect(0, @wheels);
    @left     = grep { !$_->done } @wheels;
    @rotating = $server->rotating;
    @rotating == @left;
};
my @ended = grep { $_->done && ($_->status // 0) == 200 } @wheels;
is @rotating, @left, 'who has no answer has a wheel that turns';
is_deeply answers_by(@ended),
    { @ended ? (shutdown => scalar @ended) : () },
    'who has one was told of a shutdown';
my $gave_way = $server->error_log =~ /WH0013/;
ok $event ? @ended && @left : $server->mpm eq 'worker' ? !@ended == !$gave_way
    : !@ended, $event ? 'some wheels were ended, not all' : 'no wheel was ended';
my ($oldest) = sort { $a->{id} <=> $b->{id} } @rotating;
ok !grep({ $_->header('Wheel-Id') > $oldest->{id} } @ended),
    'and they were the oldest';
is scalar(() = $server->error_log =~ /WH0006/g) > 0, $event,
    'the log says so';
is_deeply [complaints($server)], [], 'and has no complaint';
