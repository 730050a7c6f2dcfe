# SPDX-License-Identifier: Apache-2.0
# One child of a host reads the stops of other hosts.  When it is killed, or a
# restart makes a new generation, another one goes on where it was.

use strict;
use warnings FATAL => 'all';

use List::Util qw(min);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(collect freeze wait_until);

plan tests => 17, need_module 'wheel';

my $redis = WheelRedis->started;
my ($near, $far) = map {
    WheelServer->started(processes => 3, config => $redis->host_config($_))
} qw(near far);

# Those that have begun to read, in this order.
sub readers {
    return $_[0]->error_log =~ /\[pid (\d+):tid \d+\] WH0084:/g;
}

ok wait_until { readers($near) && readers($far) }, 'both hosts read';

my @took;
for my $time (1 .. 3) {
    my ($reader) = reverse readers($far);
    $far->kill_child($reader);
    ok wait_until { !alive($reader) }, 'the child that reads is killed';
    my @wheels = $far->rotate(2);
    my $stop   = $near->get('/stop');
    is $stop->header('Wheel-Stopped'), 2,
        'a stop of another host stops the wheels of all the same';
    push @took, $stop->seconds;
    is collect(20, @wheels), 2, 'and ends them';
}
# On a machine that does something else, it may take longer now and then.
cmp_ok min(@took), '<', 1, 'and does so at once';
my @readers = readers($far);
cmp_ok scalar @readers, '>=', 4, 'each time, another child went on reading';

my ($wheel) = $far->rotate(1);
my %old = map { $_ => 1 } $far->children;
$far->graceful;
ok wait_until { my ($reader) = reverse readers($far); !$old{$reader} },
    'after a graceful restart, a child of the new generation reads';
is $near->get('/stop?wait=15')->header('Wheel-Stopped'), 1,
    'the stop of another host reaches a wheel of the old generation';
is collect(20, $wheel), 1, 'and ends it';

# A stop that nobody of this host was there to read.  The parent is held first,
# or it might make another child meanwhile.
($wheel) = $far->rotate(1);
freeze($far->pid);
my @held = ($far->children, $far->pid);
freeze(@held);
my $stop = $near->get('/stop?json');
is_deeply [map {"$_->{host} $_->{outcome}"} @{ $stop->json->{hosts} }],
    ['near stopped', 'far unanswered'],
    'a host that is held has not answered, and the answer says so';
kill CONT => @held;
is collect(20, $wheel), 1, 'it stops its wheel once it goes on';
