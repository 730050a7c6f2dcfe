# SPDX-License-Identifier: Apache-2.0
# Without Redis a stop ends the wheels of its own host at once, and its answer
# says that the others were not told.  Wheels rotate as ever.  Once Redis is
# back, hosts go on where they were; what may be lost is logged.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 27, need_module 'wheel';

my $redis = WheelRedis->started(persistent => 1);
my ($near, $far) = map {
    WheelServer->started(
        config => $redis->host_config($_, 'timeout=4s lost=keep'))
} qw(near far);

sub linked {
    my ($server) = @_;
    my ($last) = reverse $server->error_log =~ /WH008([45]):/g;
    return ($last // '') eq '4';
}

# What a stop says while nobody else can hear it.
sub alone {
    my ($words) = @_;
    my @here  = $near->rotate(2);
    my ($there) = $far->rotate(1);
    my $stop  = $near->get('/stop');
    is $stop->status, 502, 'a stop is no success then';
    is $stop->header('Content-Type'), 'application/problem+json',
        'but a problem';
    is $stop->header('Wheel-Stopped'), 2, 'it has stopped what it could';
    like $stop->json->{detail}, $words, 'and says so';
    is await(@here), 2, 'the wheels of its host have ended';
    return $there;
}

ok wait_until { linked($near) && linked($far) }, 'both hosts read';
$redis->kill_hard;
my $there
    = alone(qr/^2 wheels of this host were stopped; .* were not told/);
ok wait_until { !linked($far) }, 'the other host has noticed';
$redis->start;
ok wait_until { linked($near) && linked($far) },
    'when Redis is back, both read again';
is $near->get('/stop')->header('Wheel-Stopped'), 1,
    'and a stop reaches the other host';
is await($there), 1, 'whose wheel ends';
unlike $near->error_log . $far->error_log, qr/WH0086/,
    'nothing was lost, since Redis had kept it';

$redis->pause;
$there = alone(qr/^2 wheels of this host were stopped; .*may or may not/);
$redis->resume;
ok wait_until { linked($near) && linked($far) },
    'Redis was only held: both read again';
$near->get('/stop');
is await($there), 1, 'and the other host has heard of it';

# Redis comes back without its data.
$redis->kill_hard;
ok wait_until { !linked($near) && !linked($far) }, 'Redis is away';
$there = ($far->rotate(1))[0];
$redis->forget;
$redis->start;
ok wait_until { linked($near) && linked($far) }, 'it is back, and empty';
ok $_->logs(qr/WH0086: stops of other hosts may be lost/),
    'a host says that something may be lost' for $near, $far;
is $far->rotating, 1, 'its wheels turn on, as lost=keep says';
ok wait_until {
    2 == @{ $redis->command(ZRANGE => 'wheel:live', 0, -1) }
}, 'both say again that they live';
is $near->get('/stop')->header('Wheel-Stopped'), 1, 'stops work as before';
is await($there), 1, 'on both hosts';

# Redis has come back empty, and hosts have not yet said again that they live:
# a stop hears them all the same.  (Twice: they may say so in between.)
my $heard = 0;
for (1 .. 2) {
    $redis->command(DEL => 'wheel:live');
    $heard ||= 2 == @{ $near->get('/stop?json')->json->{hosts} };
}
ok $heard, 'a stop that finds no list of hosts waits for whoever answers';
