# SPDX-License-Identifier: Apache-2.0
# Work that never polls its cancel flag can't be ended, but its client is
# answered in time all the same.  The status says which jobs are stuck, and the
# log says so once for each.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew user_modules);
use WheelMetrics qw(samples schema_errors);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 20, need_module 'wheel';

my $server = WheelServer->started(threads => 8,
    config => user_modules('test_job') . <<'END');
WheelLookWarning 100ms
WheelScheduling normal
<Location "/job">
    SetHandler test-job
</Location>
<Location "/brief">
    SetHandler test-job
    WheelTimeout 2s
</Location>
END

my @wheels = $server->rotate(1, '/rotate/good');
my $burn   = $server->begin(GET => '/job/burn');
my $doze   = $server->begin(GET => '/job/doze');
my $own    = $server->begin(GET => '/job/own-burn');
my @stuck;
ok wait_until {
    @stuck = grep { $_->{stuck} } $server->running;
    @stuck == 3;
}, 'jobs that do not look are stuck: on the CPU, asleep, or in their worker'
    or diag explain [$server->running];
is join(' ', map { $_->{name} } @stuck), 'foreign foreign foreign',
    'those that look are not';
cmp_ok $_->{looked_ms}, '>=', 100, 'it has not looked for so long' for @stuck;

my $json = $server->get('/wheel-status?json')->body;
is schema_errors($json), '', 'the status fits its schema';
is JSON::PP::decode_json($json)->{jobs}{stuck}, 3, 'and counts them';
my %metrics = samples($server->get('/wheel-status?openmetrics')->body);
is $metrics{wheel_stuck}, 3, 'so do the metrics';
my $auto = $server->get('/wheel-status?auto')->body;
like $auto, qr/^WheelStuck: 3$/m, 'and the text';
is scalar(() = $auto =~ / stuck=yes/g), 3, 'which says which';
like $server->get('/wheel-status')->body, qr{<td>yes</td></tr>},
    'as the page does';

spew($server->dir . '/htdocs/go', '');
await($own);
like $own->body, qr/end=1 .* result=burnt/, 'the one in its worker finishes';
# Whoever notices first says so: the worker of a companion, the job in a worker
# once it looks, or the parent, now and then.
my %told;
wait_until {
    my $log = $server->error_log;
    %told = ();
    $told{$2}{$1}++
        while $log =~ /(WH00(?:12|24|25)): wheel (\d+) of handler test-job/g;
    keys %told == 3;
};
is join(' ', sort { $a <=> $b } keys %told),
    join(' ', sort { $a <=> $b } map { $_->{id} } @stuck),
    'each is logged by id and handler';
is_deeply [map { values %$_ } values %told], [1, 1, 1], 'once';

$server->get('/stop');
is await($burn, $doze, @wheels), 3, 'a stop answers all';
like $burn->body, qr/end=2 .* result=burning$/,
    'with what the work has handed over';
my $brief = $server->get('/brief/burn');
like $brief->body, qr/end=3 .* result=burning$/, 'a deadline does so, too';
wait_until { !grep { $_->{name} eq 'good' } $server->running };
is join(' ', map { $_->{state} } $server->running), 'draining ' x 2 . 'draining',
    'their threads go on';
ok wait_until { 3 == grep { $_->{stuck} } $server->running },
    'and the status still says so';

# What is to be done about them: a graceful restart, since nothing else runs in
# their processes.
$server->graceful;
ok wait_until { !$server->running }, 'a graceful restart ends them';
