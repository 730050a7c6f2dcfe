# SPDX-License-Identifier: Apache-2.0
# A child dies in the middle of a claim, a stop or a departure, before each
# single store into the table in turn: whoever comes next finds the mutex free
# and the table whole.  It takes the module that `make faults` builds, which
# dies where a countdown in a file comes to its end.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(die_at mortal_server stores_left);
use WheelPlan;
use WheelTest qw(await collect wait_until);

plan tests => 6, need_module 'wheel';

# One child dies for each store: enough to go on without waiting for new ones.
my $server = mortal_server(processes => 30, threads => 4);

# One wheel from its start to a stop.
sub cycle {
    my $wheel = $server->begin(GET => '/rotate/cycle');
    # A process that dies may take the question along.
    wait_until { collect(0, $wheel) || eval { $server->rotating } } 5;
    my $stop = $server->get('/stop');
    collect($stop->status ? 20 : 0, $wheel);
    return ($wheel, $stop);
}

# Die at the first, the second, the third ... store, until one cycle gets
# through.
my ($stores, $hung, $stops, $wheels, $slowest) = (0, 0, 0, 0, 0);
while (1) {
    die_at($server, $stores + 1);
    my ($first) = cycle();
    my $through = stores_left($server) > 0;
    die_at($server, 0);
    last if $through;
    $stores++;
    my ($second, $stop) = cycle();
    $hung++   unless await($first);
    $stops++  if ($stop->status   // 0) == 200;
    $wheels++ if ($second->status // 0) == 200;
    $slowest = $stop->seconds if $stop->seconds > $slowest;
}
diag sprintf '%d stores; the slowest stop after a death took %.0f ms',
    $stores, $slowest * 1000;
cmp_ok $stores, '>', 12, 'a child died at each store of a whole cycle';
is $stops, $stores, 'after each death, a stop was answered';
is $wheels, $stores, 'and a new wheel got its number';
is $hung, 0, 'no request hung';
ok wait_until { !$server->running }, 'no slot is left in use';
my %times;
$times{ $_->{id} }++ for @{ $server->status->{recent} };
is_deeply [grep { $times{$_} > 1 } keys %times], [],
    'and no wheel has ended twice';
