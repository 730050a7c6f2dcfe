# SPDX-License-Identifier: Apache-2.0
# Each alert of the manual is a rule that Prometheus takes.  It fires in the case
# that it is for, and not on the metrics of an idle server.
#
# Under one MPM: metrics have the same names and labels under all.

use strict;
use warnings FATAL => 'all';

use File::Temp ();
use WheelHttpd qw(checkout_dir slurp spew);
use WheelMetrics qw(judge prometheus_program scrape);
use WheelPlan;
use WheelServer ();

# The metric of each expression, by how it begins, and its values in three
# minutes of that case.
my @cases = (
    ['wheel_stuck',                            '1 1 1 1'],
    ['wheel_workers{state="idle"}',            '1 1 1 1'],
    ['wheel_refused_total{reason="reserve"}',  '0 0 1 2'],
    ['wheel_ended_total{reason="died",name="(none)"}', '0 0 0 1'],
    ['wheel_cluster_linked',                   '0 0 0 0'],
    ['wheel_cluster_lost_total',               '0 0 1 1'],
    ['wheel_privileged{step="cut"}',           '0 0 0 0'],
);

plan tests => 2 + 2 * @cases, need_module 'wheel';

my $manual = slurp(checkout_dir() . '/mod_wheel/doc/operations.md');
my ($part) = $manual =~ /^## Monitoring\n(.*?)^## /ms;
my @alerts = $part =~ /^\| `(.*?)` \|/mg;
is scalar @alerts, scalar @cases, 'the manual has an alert for each case';

my $server = WheelServer->started;
my %series = %{ scrape($server) };
ok exists $series{wheel_limit_reserve}, 'there are metrics';
@series{qw(wheel_cluster_linked wheel_cluster_lost_total)} = (1, 0);
$series{'wheel_privileged{step="cut"}'} = 1;

for my $n (0 .. $#cases) {
    my ($name, $values) = @{ $cases[$n] };
    is fires($alerts[$n], {%series}), 0, "$alerts[$n] is quiet";
    is fires($alerts[$n], { %series, $name => $values }), 1,
        'and fires when it should';
}

# Whether a rule with this expression fires after three minutes of these series.
# Each has the labels of a scrape as well.
sub fires {
    my ($expression, $of) = @_;
    my $dir = File::Temp->newdir;
    spew("$dir/rules.yml", <<"END");
groups: [{name: wheel, rules: [{alert: Fires, expr: '$expression'}]}]
END
    my @inputs = map {
        my ($metric, $labels) = /^(\w+)(?:\{(.*)\})?$/;
        my $all = join ',', 'instance="one"', 'job="httpd-jobs"', $labels // ();
        my $values = $of->{$_} =~ / / ? $of->{$_} : join ' ', ($of->{$_}) x 4;
        "- series: '$metric\{$all}'\n  values: '$values'\n";
    } sort keys %$of;
    spew("$dir/test.yml", <<"END");
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
@{[join '', map { s/^/  /mgr } @inputs]}
  promql_expr_test:
  - expr: 'count(ALERTS{alertname="Fires"}) or vector(0)'
    eval_time: 3m
    exp_samples: [{value: 1}]
END
    my ($code, $said) =
        judge('', prometheus_program('promtool'), 'test', 'rules',
        "$dir/test.yml");
    return 1 if $code == 0;
    $said =~ /got:\s*\{\} 0E/ or diag $said;
    return 0;
}
