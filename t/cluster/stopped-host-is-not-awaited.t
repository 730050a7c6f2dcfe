# SPDX-License-Identifier: Apache-2.0
# A host that is stopped says so: no stop waits for it, and none of the others
# shows it as missing.  Restarts and children that end say nothing of the kind.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(kill_hard restarted);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(freeze helper_pids soonest wait_until);

plan tests => 11, need_module 'wheel';

my $redis = WheelRedis->started;
my ($near, $far) = map {
    WheelServer->started(config => $redis->host_config($_))
} qw(near far);

sub hosts {
    my $status = $near->get('/wheel-status?cluster&json')->json;
    return join ' ', sort map {"$_->{host} $_->{state}"} @{ $status->{hosts} };
}

sub stopped {
    my $stop = $near->get('/stop?json');
    return join ' ', sort map {"$_->{host} $_->{outcome}"}
        @{ $stop->json->{hosts} };
}

ok wait_until { hosts() eq 'far live near live' }, 'both hosts live';
ok wait_until { stopped() eq 'far stopped near stopped' }, 'a stop hears both';

# Whoever serves says within a second that the host lives; until then, a list
# without it would be wrong.
my @seen = hosts();
restarted($far, 'USR1');
push @seen, hosts();
restarted($far, 'HUP');
push @seen, hosts();
kill_hard($far->children);
push @seen, hosts();
is_deeply \@seen, [('far live near live') x 4],
    'a restart or the death of a child leaves a host in the list';

# A host that can't answer any more holds up no stop for longer than timeout=,
# however long the stop may wait for its own wheels.
wait_until { stopped() eq 'far stopped near stopped' };
my @far = helper_pids($far->pid);
freeze(@far);
my $held = $near->get('/stop?wait=300');
kill CONT => @far;
is $held->header('Wheel-Unanswered'), 'far', 'a held host does not answer';
cmp_ok $held->seconds, '<', 30, 'and a stop that waits does not wait for it';
wait_until { hosts() eq 'far live near live' };

ok $far->stop, 'one is stopped';
is hosts(), 'near live', 'it is not in the list of the other any more';
my $stop;
my $took = soonest {
    $stop = $near->get('/stop?json');
    $stop->seconds;
} 4;
is_deeply [map { $_->{host} } @{ $stop->json->{hosts} }], ['near'],
    'nor does a stop expect an answer';
cmp_ok $took, '<', 4, 'or wait for it';

$far->start;
ok wait_until { hosts() eq 'far live near live' },
    'when it is back, it is listed';

# Nobody is there to hear it.
$redis->kill_hard;
ok $far->stop, 'without Redis, a host ends as ever';
