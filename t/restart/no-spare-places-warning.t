# SPDX-License-Identifier: Apache-2.0
# Old children keep their places while wheels turn in them.  The log warns at
# start where no place would be left for new ones, and only there: that depends
# on the MPM.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(restarted);
use WheelPlan;
use WheelServer ();

# An old process of event holds its place with one wheel; of worker it holds
# those threads that turn wheels; of prefork it has only one.  For the latter,
# WheelReserve keeps places free.
my @full      = (processes => 2, threads => 4, spare => 0);
my @with_room = (processes => 2, threads => 4, spare => 8);
my @cases = (
    ['ServerLimit has no room', [event => 1], @full],
    ['ServerLimit has room', [], @with_room],
    ['nothing is in reserve', [event => 1, worker => 1, prefork => 1],
        @full, config => 'WheelReserve 0'],
    ['nothing is in reserve, but ServerLimit has room',
        [worker => 1, prefork => 1], @with_room, config => 'WheelReserve 0'],
    ['WheelMax leaves workers free', [event => 1],
        @full, config => "WheelReserve 0\nWheelMax 7"],
    ['restarts end wheels', [],
        @full, config => "WheelReserve 0\nWheelOnRestart stop"],
);
plan tests => @cases + 1, need_module 'wheel';

my $server;
for my $case (@cases) {
    my ($when, $warned, @want) = @$case;
    $server = WheelServer->started(@want);
    my %warned = @$warned;
    my $wanted = $warned{ $server->mpm } // 0;
    is scalar(() = $server->error_log =~ /WH0004/g), $wanted,
        "where $when, the log warns " . ($wanted ? 'once' : 'of nothing');
}

my $before = () = $server->error_log =~ /WH0004/g;
$server->configure(port => $server->port, config => 'WheelReserve 0',
    spare => 0);
restarted($server, 'USR1');
is scalar(() = $server->error_log =~ /WH0004/g), $before + 1,
    'a restart that leaves none warns, too';
