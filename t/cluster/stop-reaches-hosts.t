# SPDX-License-Identifier: Apache-2.0
# Two hosts with one Redis: a stop that is said to either ends the wheels of
# both, and its answer tells what each has stopped.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl_json);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 29, need_module 'wheel';

my $redis = WheelRedis->started;
my ($one, $two) = map {
    WheelServer->started(threads => 8,
        config => control_config() . $redis->host_config($_, 'key=cluster'))
} qw(one two);
ok wait_until {
    2 == grep { $redis->command(ZSCORE => 'cluster:live', $_) }
        @{ $redis->command(HKEYS => 'cluster:hosts') }
}, 'both hosts say that they live';

# What each host has stopped, by the JSON of a stop.
sub by_host {
    my ($stop) = @_;
    return { map { $_->{host} => $_->{stopped} } @{ $stop->json->{hosts} } };
}

for ([$one, $two], [$two, $one]) {
    my ($near, $far) = @$_;
    my @wheels = ($near->rotate(2), $far->rotate(3));
    my $stop = $near->get('/stop');
    is $stop->status, 200, 'a stop is answered';
    is $stop->body,
        '"Wheel running job stopped. See the rotate request output now to '
        . 'see the lucky number."', 'by the sentence of the contract';
    is $stop->header('Wheel-Stopped'), 5,
        'it counts the wheels of both hosts';
    is $stop->header('Wheel-Unanswered'), undef, 'every host has answered';
    is await(@wheels), 5, 'the wheels of both hosts have ended';
    is grep({ ($_->header('Wheel-Stopped-By') // '') eq 'stop' } @wheels), 5,
        'and say that a stop has ended them';
}

my @red  = ($one->rotate(1, '/rotate/red'), $two->rotate(2, '/rotate/red'));
my @blue = ($one->rotate(1, '/rotate/blue'), $two->rotate(1, '/rotate/blue'));
is_deeply by_host($two->get('/stop/red?json')), { one => 1, two => 2 },
    'a stop by name tells how many each host had';
is await(@red), 3, 'all wheels of that name have ended';
is $one->rotating + $two->rotating, 2, 'those of another name rotate';
is $one->get('/stop/red')->status, 404,
    'when no host has such a wheel, the answer says so';
is_deeply by_host($two->get('/stop/blue?json&wait=5')), { one => 1, two => 1 },
    'a stop that waits tells the same';
is await(@blue), 2, 'and has ended them';

my ($wheel) = $one->rotate(1);
my ($other) = $two->rotate(1);
my ($id)    = map { $_->{id} } $one->rotating;
is_deeply by_host($two->get("/stop?json&id=$id")), { one => 1, two => 0 },
    'an id is found on whatever host has it';
is await($wheel), 1, 'and that wheel has ended';
is $two->rotating, 1, 'and no other one';
is $two->get("/stop?id=$id")->status, 404, 'it can be stopped once';

my @more = map { $_->rotate(1, '/rotate/red') } $one, $two;
my ($code, $told) = wheelctl_json($one, 'stop', '--name=red');
is $code, 0, 'a stop by wheelctl is one of all hosts, too';
is_deeply { map { $_->{host} => $_->{stopped} } @{ $told->{hosts} } },
    { one => 1, two => 1 }, 'and tells what each has stopped';
is await(@more), 2, 'and has ended them';

# Nothing is left in Redis but what stays as long as the hosts do.
$one->get('/stop');
is await($other), 1, 'the last wheel has ended';
ok wait_until {
    'cluster cluster:hosts cluster:live' eq
        join ' ', sort @{ $redis->command(KEYS => '*') }
}, 'no key stays behind of a stop that all have answered';
unlike $one->error_log . $two->error_log, qr/:error\]/,
    'no host has seen an error';
