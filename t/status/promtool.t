# SPDX-License-Identifier: Apache-2.0
# Prometheus' own linter has nothing to say against the metrics.  It reads the
# older of the two text formats; the newer one is held against the rules of
# OpenMetrics 1.0 here.
#
# Under one MPM: it has no part in how metrics are written.

use strict;
use warnings FATAL => 'all';

use WheelMetrics qw(judge prometheus_program samples);
use WheelPlan;
use WheelTest qw(await wait_until);

plan tests => 16, need_module 'wheel';

my $server   = WheelTest->shared;
my @promtool = (prometheus_program('promtool'), 'check', 'metrics');

$server->get('/rotate/lint?wait=0');
my @wheels = $server->rotate(2, '/rotate/lint');
$server->get('/stop/lint');
await(@wheels);

# By the format, the names that counters have in TYPE and HELP differ.
my $older = $server->get('/wheel-status',
    headers => [Accept => 'text/plain; version=0.0.4'])->body;
my ($code, $words) = judge($older, @promtool);
is $words, '', 'promtool check metrics finds no fault';
is $code, 0, 'and says so by its exit code';
my $broken = $older =~ s/^# HELP wheel_rotating .*\n//mr;
($code, $words) = judge($broken, @promtool);
like $words, qr/wheel_rotating/, 'it does when there is one';
unlike $older, qr/# (?:EOF|UNIT)/, 'that format knows no EOF and no UNIT';

my $text = $server->get('/wheel-status?openmetrics')->body;
like $text, qr/\n# EOF\n\z/, 'OpenMetrics ends with # EOF';
is scalar(() = $text =~ /# EOF/g), 1, 'once';
like $text, qr/\A[ -~\n]*\z/, 'it is plain text';

my (%type, %help, %unit, %seen, @faults, $family);
for my $line (split /\n/, $text =~ s/# EOF\n\z//r) {
    if ($line =~ /\A# TYPE (\w+) (counter|gauge|histogram)\z/) {
        push @faults, "again: $line" if exists $type{$1};
        $family = $1;
        $type{$1} = $2;
    }
    elsif ($line =~ /\A# UNIT (\w+) (\w+)\z/) {
        my ($name, $word) = ($1, $2);
        push @faults, $line if $name ne $family || $name !~ /_\Q$word\E\z/;
        $unit{$name} = $word;
    }
    elsif ($line =~ /\A# HELP (\w+) (\S.*)\z/) {
        push @faults, $line if $1 ne $family;
        $help{$1} = $2;
    }
    elsif ($line =~ /\A(\w+)(\{(?:\w+="[^"\\]*",?)+\})? (\d+(?:\.\d+)?)\z/) {
        my ($name, $labels) = ($1, $2 // '');
        my %suffix = (counter => qr/_total/, gauge => qr/(?:)/,
            histogram => qr/_(?:bucket|sum|count)/);
        push @faults, "again: $line" if $seen{"$name$labels"}++;
        push @faults, $line
            if $name !~ /\A\Q$family\E$suffix{ $type{$family} }\z/;
    }
    else {
        push @faults, $line;
    }
}
is "@faults", '', 'every line is one of OpenMetrics, in its family';
is_deeply [sort keys %help], [sort keys %type], 'every family has a HELP';
is_deeply \%unit,
    { wheel_stop_latency_seconds => 'seconds', wheel_load_cores => 'cores' },
    'what is measured in seconds or cores says so';
is_deeply { map { $_ => $type{$_} } grep { $type{$_} ne 'gauge' } keys %type },
    { wheel_started => 'counter', wheel_ended => 'counter',
      wheel_refused => 'counter', wheel_turns => 'counter',
      wheel_stop_latency_seconds => 'histogram' },
    'counters are counters and the latency is a histogram';

my %older = samples($older);
my %newer = samples($text);
is_deeply [sort keys %newer], [sort keys %older],
    'both formats have the same samples';
is_deeply { map { $_ => $older{$_} } grep {/_total/} keys %older },
    { map { $_ => $newer{$_} } grep {/_total/} keys %newer },
    'with the same counts';

is_deeply [sort map { /reason="(\w+)",name="lint"/ } keys %newer],
    [sort qw(finished stop deadline gone shutdown died)],
    'a name has a counter for each reason, so that rates have a start';
my %workers = map { /\Awheel_workers\{state="(\w+)"\}/ ? ($1 => $newer{$_}) : () }
    keys %newer;
is_deeply [sort keys %workers], [qw(busy idle)], 'workers are idle or busy';
cmp_ok $workers{busy}, '>=', 1, 'and one is busy with this question';
