# SPDX-License-Identifier: Apache-2.0
# Two servers by conf/httpd.conf, as ./build.sh run starts them, with a Redis
# that keeps nothing on disk: a stop said to one ends the wheels of both, and
# does again when Redis has been killed and started anew.  While Redis is away
# or doesn't answer, a stop does what it can and says what it couldn't.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelHttpd qw(checkout_dir libexec_dir module_file redis_module_file
    run_group run_user);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await soonest wait_until);

plan tests => 25, need_module 'wheel';

my $redis   = WheelRedis->started;
my @servers = map { server() } 1 .. 2;
ok linked(2), 'both servers are in the cluster, by names of their own';

# A stop that the machine holds up for a second is told that Redis is gone.
my ($stop, $ended, $took);
for my $turn ('first', 'second') {
    $took = soonest {
        my @wheels = rotate_all();
        my $began  = time;
        $stop  = $servers[0]->get('/stop');
        $ended = await(@wheels);
        time - $began;
    } 1;
    is $stop->status, 200, "the $turn stop is answered";
    is $ended, 10, 'it ends the wheels of both servers';
    cmp_ok $took, '<', 1, 'within a second';
}

# Killed under wheels, and started again.
my ($back, $found);
$took = soonest {
    my @wheels = rotate_all();
    $redis->kill_hard;
    $redis->start or die "no Redis\n";
    $back  = time;
    $found = linked(2);
    $stop  = $servers[0]->get('/stop?json');
    $ended = await(@wheels);
    time - $back;
} 2;
ok $found, 'Redis is killed and comes back, and both servers find it again';
is $stop->status, 200, 'a stop is answered';
is_deeply [map { $_->{stopped} } @{ $stop->json->{hosts} }], [5, 5],
    'it tells what each server has stopped';
is $ended, 10, 'the wheels of both servers have ended';
cmp_ok $took, '<', 2, 'within two seconds of its return';

# Said before the other server has found it.
$took = soonest {
    my @wheels = rotate_all();
    $redis->kill_hard;
    $redis->start or die "no Redis\n";
    $back = time;
    wait_until { $servers[0]->get('/stop')->status != 502 };
    $ended = await(@wheels);
    time - $back;
} 2;
is $ended, 10, 'a stop right behind its return ends them, too';
cmp_ok $took, '<', 2, 'within two seconds';

# Not there, and there but dumb.
ok linked(2), 'both servers find it once more';
my @wheels;
for my $way ('kill_hard', 'pause') {
    @wheels = rotate_all();
    $redis->$way;
    $took = soonest {
        $stop = $servers[0]->get('/stop');
        $stop->seconds;
    } 3;
    is $stop->status, 502, "$way: a stop is no success";
    cmp_ok $took, '<', 3, 'and is answered';
    is $stop->header('Content-Type'), 'application/problem+json',
        'by a problem that is explained';
    is await(@wheels[0 .. 4]), 5, 'its own server has ended its wheels';
    is $servers[1]->rotating, 5, 'those of the other one turn on';
    if ($way eq 'kill_hard') {
        $servers[1]->get('/stop');
        $redis->start;
        linked(2);
    }
}
$redis->resume;
$servers[1]->get('/stop');
await(@wheels);

sub server {
    my $server = WheelServer->new(
        file => checkout_dir() . '/conf/httpd.conf', processes => 1,
        threads => 100,
        define => {
            WHEEL_PORT => 'PORT', WHEEL_MPM => 'event',
            WHEEL_MODULES => libexec_dir(), WHEEL_SO => module_file(),
            WHEEL_REDIS_SO => redis_module_file(),
            WHEEL_REDIS    => $redis->address . ':' . $redis->port,
            WHEEL_WWW => 'DIR/htdocs', WHEEL_RUN => 'DIR/run',
            WHEEL_USER => run_user(), WHEEL_GROUP => run_group(),
        }
    );
    $server->start or die "httpd didn't start:\n" . $server->error_log;
    return $server;
}

# Five wheels on each server and no others, those of the first first.
sub rotate_all {
    $_->end_wheels for @servers;
    return map { $_->rotate(5) } @servers;
}

sub linked {
    my ($count) = @_;
    return wait_until {
        my $hosts = eval { $redis->command(HKEYS => 'wheel:hosts') } // [];
        $count == @$hosts;
    };
}
