# SPDX-License-Identifier: Apache-2.0
# A histogram holds, for every wheel that was told to end, the time from its
# mark to its worker's answer.

use strict;
use warnings FATAL => 'all';

use List::Util qw(sum);
use WheelMetrics qw(scrape);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 8, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 16);
my $name   = 'wheel_stop_latency_seconds';

# Bounds and counts, by bound.
sub buckets {
    my ($sample) = @_;
    return sort { $a->[0] <=> $b->[0] }
        map { /\A${name}_bucket\{le="(.*)"\}\z/ ? [$1 * 1, $sample->{$_}] : () }
        keys %$sample;
}

is sum(map { $_->[1] } buckets(scrape($server))), 0,
    'a new server has measured no stop';
my @wheels = $server->rotate(9);
$server->get('/stop');
await(@wheels);
my $sample  = scrape($server);
my @buckets = buckets($sample);
is $buckets[-1][0], 'Inf' * 1, 'the last bucket has no bound';
is $buckets[-1][1], 9, 'nine stops are in it';
is $sample->{"${name}_count"}, 9, 'as many are counted';
is_deeply [map { $_->[1] } @buckets],
    [sort { $a <=> $b } map { $_->[1] } @buckets], 'buckets hold those below';

# The ring of ended wheels has the same times, read a moment before.
my @took = map { $_->{answered_ms} / 1000 } @{ $server->status->{recent} };
cmp_ok $sample->{"${name}_sum"} + 1e-9, '>=', sum(@took),
    'the sum is that of the nine';
is grep({ my ($bound, $count) = @$_; $count > grep { $_ <= $bound } @took }
    @buckets), 0, 'and no bucket counts one that took longer';
$server->get('/stop');
is scrape($server)->{"${name}_count"}, 9, 'a stop of nothing is not measured';
