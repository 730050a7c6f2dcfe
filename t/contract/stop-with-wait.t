# SPDX-License-Identifier: Apache-2.0
# A stop with ?wait answers when its wheels have really ended, companions and
# all, or when the time is over, and then says which have not.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect freeze wait_until);

plan tests => 22, need_module 'wheel';

my $server = WheelServer->started(
    processes => 3, threads => 6, config => "WheelScheduling normal\n"
);

my @wheels = $server->rotate(4);
my $stop   = $server->get('/stop?wait=20');
my @left   = $server->running;
like $stop->body, qr/\A"Wheel running job stopped\./,
    'a stop that waits answers in the same words';
is $stop->header('Wheel-Stopped'), 4, 'it has stopped four';
is $stop->header('Wheel-Running'), undef, 'of which none was left running';
is @left, 0, 'and indeed none is listed any more';
is await(@wheels), 4, 'all four have their number';

@wheels = $server->rotate(2, '/rotate/red');
my $json = $server->get('/stop/red?wait=20&json')->json;
is_deeply [map { $_->{outcome} } @{ $json->{wheels} }], [qw(ended ended)],
    'as JSON, each of them has ended';
await(@wheels);

is $server->get('/stop?wait=20')->header('Wheel-Stopped'), 0,
    'with nothing to stop there is nothing to wait for';
is $server->get('/stop/nobody?wait=20')->status, 404,
    'nor for a name that nothing has';

# A process that is frozen can't end its wheels.  It takes no connections, so
# another one answers.
my (@all, @frozen, $pid);
for (1 .. 100) {
    my $wheel = $server->begin(GET => '/rotate');
    wait_until { collect(0, $wheel) || $server->rotating > @all };
    next if $wheel->done;
    push @all, $wheel;
    my %pids = map { $_->{pid} => 1 } $server->rotating;
    ($pid) = keys %pids;
    last if keys %pids > 1;
}
@frozen = grep { $_->{pid} == $pid } $server->rotating;
my %ends = map { $_->{id} => $_->{pid} == $pid ? 'running' : 'ended' }
    $server->rotating;
ok @frozen < @all, 'wheels turn in two processes';
freeze($pid);

# Time for the threads of the other one to be run, whatever else is.
$stop = $server->get('/stop?wait=2&json');
is $stop->json->{stopped}, @all, 'a stop marks the wheels of a frozen process';
my %outcome = map { $_->{id} => $_->{outcome} } @{ $stop->json->{wheels} };
is_deeply \%outcome, \%ends, 'and says that they are running, and no other';
cmp_ok $stop->seconds, '>=', 2,  'it has waited its time for them';
cmp_ok $stop->seconds, '<',  30, 'and no longer';
is_deeply [sort split /, /, $stop->header('Wheel-Running') // ''],
    [sort map { $_->{id} } @frozen], 'its headers name the same wheels';

my $again = $server->get('/stop?wait=20');
is $again->header('Wheel-Stopped'), 0, 'the next stop has nothing to stop';
cmp_ok $again->seconds, '<', 20, 'and waits for no wheel of another stop';

kill CONT => $pid;
is await(@all), @all, 'once it goes on, each wheel has its number';
is grep({ $_->header('Wheel-Stopped-By') eq 'stop' } @all), @all,
    'by the stop that came while it was frozen';
ok wait_until { !$server->running }, 'and none is left';

# A worker that waits for such wheels is free again once its client has left.
@wheels = $server->rotate(2);
my %of;
push @{ $of{ $_->{pid} } }, $_ for $server->rotating;
($pid) = keys %of;
freeze($pid);
my $busy = $server->status->{workers}{busy} - @wheels + @{ $of{$pid} };
$stop = $server->begin(GET => '/stop?wait=300');
ok wait_until { !$server->rotating }, 'a stop waits for a frozen process';
ok wait_until { $server->status->{workers}{busy} == $busy + 1 }, 'in a worker';
close $stop->socket;
ok wait_until { $server->status->{workers}{busy} == $busy },
    'which is free when the client has gone';
kill CONT => $pid;
await(@wheels);
