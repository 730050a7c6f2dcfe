# SPDX-License-Identifier: Apache-2.0
# The helper process of a host reads the stops of other hosts.  When it is killed,
# or a restart makes another one, that one goes on where the first was, and reads
# when that one has ended to read.

use strict;
use warnings FATAL => 'all';

use WheelKeeper qw(alive);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await collect freeze helper_pids supervisor_pids thread_ids
    wait_until);

plan tests => 32, need_module 'wheel';

my $redis = WheelRedis->started;
my ($near, $far) = map {
    WheelServer->started(
        processes => 3,
        config    => $redis->host_config($_, 'timeout=8s')
    )
} qw(near far);

# Those that have begun to read, in this order.
sub readers {
    return $_[0]->error_log =~ /\[pid (\d+):tid \d+\] WH0084:/g;
}

# Is the helper that began to read last, after so many before it, the only one?
sub reads_alone {
    my ($host, $before) = @_;
    my @readers = readers($host);
    return @readers > $before && 1 == supervisor_pids($host->pid)
        && "@{[helper_pids($host->pid)]}" eq $readers[-1];
}

ok wait_until { readers($near) && readers($far) }, 'both hosts read';

for my $time (1 .. 3) {
    my ($reader) = reverse readers($far);
    $far->kill_child($reader);
    ok wait_until { !alive($reader) }, 'the helper that reads is killed';
    my @wheels = $far->rotate(2);
    my $stop   = $near->get('/stop');
    is $stop->header('Wheel-Stopped'), 2,
        'a stop of another host stops the wheels of all the same';
    is await(@wheels), 2, 'and ends them';
}
my @readers = readers($far);
cmp_ok scalar @readers, '>=', 4, 'each time, another helper went on reading';

my ($wheel) = $far->rotate(1);
my ($old) = reverse readers($far);
$far->graceful;
ok wait_until { my ($reader) = reverse readers($far); $reader != $old },
    'after a graceful restart, another helper reads';
is $near->get('/stop?wait=15')->header('Wheel-Stopped'), 1,
    'the stop of another host reaches a wheel of the old generation';
is await($wheel), 1, 'and ends it';

# A stop that nobody of this host was there to read.
($wheel) = $far->rotate(1);
my @held = helper_pids($far->pid);
freeze(@held);
my $stop = $near->get('/stop?json');
is_deeply [map {"$_->{host} $_->{outcome}"} @{ $stop->json->{hosts} }],
    ['near stopped', 'far unanswered'],
    'a host whose helper is held has not answered, and the answer says so';
kill CONT => @held;
is await($wheel), 1, 'it stops its wheel once the helper goes on';

# Stops that are to go out: with the helper of their own host killed, they wait
# for the next one; with that one held, the answer says what isn't known.
my @threads = map { scalar thread_ids($_) } $near->children;
SKIP: {
    skip 'processes of this MPM have threads', 1 if $near->mpm ne 'prefork';
    is join(' ', grep { $_ > 1 } @threads), '', 'no child has a thread for it';
}
for my $time (1 .. 3) {
    ($wheel) = $far->rotate(1);
    $near->kill_child((helper_pids($near->pid))[0]);
    # The other host may be late to answer.
    is $near->get('/stop')->status, 200,
        'a stop right after the death of its helper reaches the other host';
    is await($wheel), 1, 'and ends its wheel';
}
for my $time (1 .. 3) {
    ($wheel) = $far->rotate(1);
    my @before = map { scalar(my @all = readers($_)) } $near, $far;
    $_->graceful for $near, $far;
    is $near->get('/stop')->status, 200, 'as does one while both restart';
    is await($wheel), 1, 'without a wheel that is left';
    for my $host ($near, $far) {
        my $before = shift @before;
        wait_until { reads_alone($host, $before) };
    }
}
($wheel) = $far->rotate(1);
@held = helper_pids($near->pid);
freeze(@held);
$stop = $near->get('/stop');
is $stop->status, 502, 'while the helper of its host is held, a stop is none';
like $stop->json->{detail}, qr/the other hosts may or may not/, 'and says so';
kill CONT => @held;
ok wait_until { $near->get('/stop')->status == 200 && collect(0, $wheel) },
    'the next stop works as ever';
