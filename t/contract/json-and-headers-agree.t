# SPDX-License-Identifier: Apache-2.0
# With ?json, rotate and stop answer an object with the facts that their
# headers have.
#
# Under one MPM: it has no part in how an answer is written.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await);

plan tests => 22, need_module 'wheel';

my $server = WheelTest->shared;

my @wheels = (
    $server->rotate(1, '/rotate/red?json'),
    $server->rotate(1, '/rotate?json'),
    $server->rotate(1, '/rotate/blue?json&wait=600'),
);
my ($red, $unnamed, $blue) = @wheels;
my %id = map { ($_->{name} // '') => $_->{id} } $server->rotating;

my $stop = $server->get('/stop/red?json');
is_deeply $stop->json,
    stopped('red'),
    'a stop by name tells what it has stopped';
is $stop->header('Wheel-Stopped'), 1, 'as its header does';
is_deeply $server->get("/stop?json&id=$id{blue}")->json,
    stopped('blue'),
    'so does a stop by id';
is_deeply $server->get('/stop?json')->json,
    stopped(undef),
    'a wheel without a name has null for one';
is_deeply $server->get('/stop?json')->json, { stopped => 0, wheels => [] },
    'a stop of nothing has an empty list';

await(@wheels);
check($red,     'red',  'stop');
check($unnamed, undef,  'stop');
check($blue,    'blue', 'stop');
check($server->get('/rotate/green?json&wait=0.1'), 'green', 'deadline');
is grep({ $_->body =~ /"elapsed":\s*\d+(?:\.\d{1,6})?[,\}]/ } @wheels), 3,
    'elapsed is in seconds, to the microsecond';

# What a stop says that has stopped one wheel of that name.
sub stopped {
    my ($name) = @_;
    my %wheel = (id => $id{ $name // '' }, name => $name,
        client => '127.0.0.1', handler => 'wheel-rotate', outcome => 'stopped');
    return { stopped => 1, wheels => [\%wheel] };
}

sub check {
    my ($answer, $name, $ended_by) = @_;
    my $json  = $answer->json;
    my $wheel = defined $name ? "the wheel $name" : 'a wheel without a name';
    is_deeply [sort keys %$json],
        [qw(elapsed id name number stopped_by turns)],
        "$wheel has the six members";
    is_deeply [@{$json}{qw(name stopped_by)}], [$name, $ended_by],
        "$wheel says its name and what ended it";
    like $json->{number}, qr/\A[0-9]\z/, "$wheel has its number";
    my @headers
        = map { $answer->header("Wheel-$_") } qw(Id Turns Elapsed Stopped-By);
    $headers[2] += 0;
    is_deeply [@{$json}{qw(id turns elapsed stopped_by)}], \@headers,
        "$wheel says the same in its headers";
    return;
}
