# SPDX-License-Identifier: Apache-2.0
# Every form counts the same, and by exactly what was done: started, ended by
# reason and by name, refused by reason, turns.

use strict;
use warnings FATAL => 'all';

use WheelMetrics qw(scrape);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 21, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 16,
    config => "WheelMax 5\nWheelMaxPerClient 4\n");

sub auto {
    return { $server->get('/wheel-status?auto')->body
            =~ /^(Wheel\w+): (.*)$/mg };
}

sub ended { return scrape($server)->{ sprintf
    'wheel_ended_total{reason="%s",name="%s"}', @_ } }

is $server->status->{totals}{started}, 0, 'a new server has started none';
is scrape($server)->{wheel_turns_total}, 0, 'and nothing has turned';

# Three end at their deadline, four by a stop, one is left by its client, and
# one more is refused.
my @late  = map { $server->get("/rotate/late?wait=0.1") } 1 .. 3;
my @red   = $server->rotate(3, '/rotate/red');
my @plain = $server->rotate(1);
my @fifth = map { $server->get('/rotate') } 1, 2;
is_deeply [map { $_->status } @fifth], [503, 503],
    'of one client, more than WheelMaxPerClient are refused';
is scrape($server)->{wheel_rotating}, 4, 'while four rotate';
is $server->status->{totals}{started}, 7,
    'those that rotate are counted as started';
my ($first, $second);
$first  = scrape($server)->{wheel_turns_total};
ok wait_until { ($second = scrape($server)->{wheel_turns_total}) > $first },
    'turns are counted while they turn';
$server->get('/stop');
is await(@red, @plain), 4, 'four are stopped';
my ($gone) = $server->rotate(1, '/rotate/gone');
close $gone->socket;
ok wait_until { $server->status->{totals}{ended}{gone} }, 'one is left';
ok wait_until { !$server->running }, 'all have ended';

my $totals = $server->status->{totals};
my $auto   = auto();
my $sample = scrape($server);
is $totals->{started}, 8, 'eight have started';
is $auto->{WheelStarted}, 8, 'as ?auto says';
is $sample->{wheel_started_total}, 8, 'and the metrics';
is_deeply $totals->{ended}, { finished => 0, stop => 4, deadline => 3,
    gone => 1, shutdown => 0, died => 0 }, 'each ended for its reason';
is_deeply { map { $_ => $auto->{ 'WheelEnded' . ucfirst } }
    keys %{ $totals->{ended} } }, $totals->{ended}, 'as ?auto says';
is_deeply [map { ended(@$_) } ['stop', 'red'], ['stop', '(none)'],
    ['deadline', 'late'], ['gone', 'gone'], ['deadline', 'red']],
    [3, 1, 3, 1, 0], 'and the metrics, for each name';
is $totals->{refused}{client}, 2, 'two were refused';
is $auto->{WheelRefusedClient}, 2, 'as ?auto says';
is $sample->{'wheel_refused_total{reason="client"}'}, 2, 'and the metrics';
my $sum = 0;
$sum += $_->header('Wheel-Turns') for @late, @red, @plain;
my ($lost) = map { $_->{turns} }
    grep { $_->{stopped_by} eq 'gone' } @{ $server->status->{recent} };
is $totals->{turns}, $sum + $lost,
    'turns are those that the clients were told of, and the lost one';
is $auto->{WheelTurns}, $totals->{turns}, 'as ?auto says';
is $sample->{wheel_turns_total}, $totals->{turns}, 'and the metrics';
