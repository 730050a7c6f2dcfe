# SPDX-License-Identifier: Apache-2.0
# A wheel with load=P turns for P percent of the time: never more, whatever the
# machine does.  All forms of the status say so, and it ends as any other.
# (How near it comes to P, t/bench/load measures, and t/unit/load.c with clocks
# that don't depend on the machine.)
#
# Under one MPM: it has no part in the thread in which a wheel turns.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await thread_seconds wait_until);

plan tests => 24, need_module 'wheel';

# CPU seconds that a wheel may take ahead: its share of a period, and what it
# catches up with.
use constant AHEAD_SEC => 0.08;

my $server = WheelTest->shared;
my @loads  = (1, 10, 10, 20);
my @wheels = map { $server->begin(GET => "/rotate/load?load=$_") } @loads;
push @wheels, $server->begin(GET => '/rotate/free');
ok $server->wait_rotating(5), 'four wheels with a load rotate, and one without';

# Long enough for a whole core to be far more than the shares.
my @running;
ok wait_until {
    @running = $server->rotating;
    5 == grep { $_->{elapsed} > 0.5 && $_->{turns} } @running;
}, 'all of them turn';
my @with = sort { $a->{load} <=> $b->{load} } grep { $_->{load} } @running;
is join(' ', map { $_->{load} } @with), "@loads", 'the status has their loads';
is grep({ exists $_->{load} && !defined $_->{load} } @running), 1,
    'and that one has none';
my $used = 0;
for my $wheel (@with) {
    my $seconds = thread_seconds(@{$wheel}{qw(pid thread)});
    my ($now)   = grep { $_->{id} == $wheel->{id} } $server->rotating;
    my $share   = $wheel->{load} / 100 * $now->{elapsed};
    $used += $seconds;
    cmp_ok $seconds, '<=', $share + AHEAD_SEC,
        "load=$wheel->{load} takes that share of its time, and no more";
    note sprintf '%.3f of %.3f s', $seconds, $now->{elapsed};
}
cmp_ok $used, '>', 0, 'together they take something';

my $auto = $server->get('/wheel-status?auto')->body;
like $auto, qr/^WheelLoad: 41$/m, '?auto tells the sum';
like $auto, qr/^WheelRunning: .*name=load .* load=20 /m, 'and each load';
like $auto, qr/^WheelRunning: .*name=free .* load= /m, 'and that one has none';
like $server->get('/wheel-status?openmetrics')->body,
    qr/^wheel_load_cores 0\.41$/m, 'the metrics tell the sum in cores';
my $page = $server->get('/wheel-status')->body;
like $page, qr{<th[^>]*>Load, %</th>}, 'the page has a column for it';
like $page, qr{Load asked for, % of a core</th><td[^>]*>41<}, 'and the sum';

is $server->get('/stop/load')->header('Wheel-Stopped'), 4,
    'a stop reaches those with a load';
is await(@wheels[0 .. 3]), 4, 'which answer';
is grep({ $_->body !~ /\A"Your lucky number is \d!"\z/ } @wheels[0 .. 3]), 0,
    'with their numbers';
ok wait_until { 1 == $server->running }, 'and leave no thread behind';
my ($last) = grep { defined $_->{load} } @{ $server->status->{recent} };
is $last->{name}, 'load', 'what has ended keeps its load in the status';
like $server->get('/wheel-status?auto')->body, qr/^WheelLoad: 0$/m,
    'but is no part of the sum';

my $timed = $server->get('/rotate?load=1&wait=0.1&json')->json;
is $timed->{stopped_by}, 'deadline', 'a deadline ends one';
my $gone = $server->begin(GET => '/rotate/gone?load=1');
$server->wait_rotating(2);
close $gone->socket;
ok wait_until { !grep { ($_->{name} // '') eq 'gone' } $server->running },
    'a client that goes away takes its own along';

$server->get('/stop');
is await($wheels[4]), 1, 'and the one without ends, too';
