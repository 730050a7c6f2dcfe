# SPDX-License-Identifier: Apache-2.0
# A wheel whose client has its answer, and whose thread has not yet been run by
# the kernel to see its mark, is draining: still listed, and no longer stopped
# by anybody.
#
# Runs alone: its threads of normal priority leave the wheels of others no core.

use strict;
use warnings FATAL => 'all';

use WheelMetrics qw(schema_errors);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

use constant WHEELS => 10;

plan tests => 8, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 24,
    config => <<'END');
<Location /work>
    SetHandler wheel-rotate
    WheelScheduling normal
</Location>
END

# Beside threads of normal priority, idle-class ones hardly run.
my ($json, $status, $stopped, @work);
my $seen = wait_until {
    my @wheels = $server->rotate(WHEELS, '/rotate/idle');
    @work = $server->rotate(8, '/work/normal') unless @work;
    $stopped = $server->get('/stop/idle?json')->json;
    await(@wheels);
    $json   = $server->get('/wheel-status?json');
    $status = $json->json;
    return $status->{jobs}{draining};
};
ok $seen, 'beside other work, wheels drain after a stop';
is schema_errors($json->body), '', 'as the schema has it';
is $status->{jobs}{rotating}, 8, 'the other work goes on';
my @draining = grep { $_->{state} eq 'draining' } @{ $status->{running} };
is @draining, $status->{jobs}{draining}, 'as many are listed as are counted';
my %stopped = map { $_->{id} => 1 } @{ $stopped->{wheels} };
is grep({ !$stopped{ $_->{id} } } @draining), 0,
    'they are among those that were stopped';
my %ended = map { $_->{id} => 1 } @{ $status->{recent} };
is grep({ !$ended{ $_->{id} } } @draining), 0,
    'and they are listed as ended, too';
is $server->get('/stop/idle')->status, 404,
    'another stop finds nothing to stop';
$server->get('/stop');
ok wait_until { !$server->running }, 'and with a core to run on, they go';
