# SPDX-License-Identifier: Apache-2.0
# A stop takes filters: by name, with a * at its end, client, handler and age,
# alone and together.  It ends the jobs that match all of them, lists these, and
# leaves the others alone.
#
# Under one MPM: it has no part in what a filter selects.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelPlan;
use WheelTest qw(await wait_until);

# Query of a stop, and the wheels that it means, in the order of their start.
my @table = (
    ['name=red'                           => qw(red)],
    ['name=red*'                          => qw(red red.2)],
    ['name=*'                             => qw(red red.2 blue)],
    ['client=127.0.0.2'                   => qw(blue)],
    ['client=127.0.0.1'                   => qw(red red.2 none)],
    ['handler=wheel-rotate'               => qw(red red.2 blue none)],
    ['older=0'                            => qw(red red.2 blue none)],
    ['name=red*&client=127.0.0.1&older=0' => qw(red red.2)],
    ['name=%72ed*&handler=wheel-rotate'   => qw(red red.2)],
);

# What means none, and how the problem calls it.
my @none = (
    ['name=re'                        => 'name=re'],
    ['name=green*'                    => 'name=green*'],
    ['client=192.0.2.7'               => 'client=192.0.2.7'],
    ['client=127.0.0.2&name=red'      => 'name=red&client=127.0.0.2'],
    ['handler=other'                  => 'handler=other'],
    ['older=3600'                     => 'older=3600.000000'],
    ['name=red&id=1'                  => 'name=red&id=1'],
);

# As parameters, what is wrong with them, and what the problem tells.
my @wrong = (
    ['/stop?name='          => 'name', 'A-Z a-z 0-9'],
    ['/stop?name=r*d'       => 'name', 'r*d', 'at the end'],
    ['/stop?name=a/b'       => 'name', 'a/b'],
    ['/stop?client=me'      => 'client', 'me', '192.0.2.7'],
    ['/stop?client=10.0.0.0/8' => 'client', '10.0.0.0/8'],
    ['/stop?handler='       => 'handler'],
    ['/stop?handler=' . 'h' x 32 => 'handler', '1 to 31 bytes'],
    ['/stop?host=' . 'h' x 64    => 'host', '1 to 63 bytes'],
    ['/stop?older=1h'       => 'older', '1h', 'number of seconds'],
    ['/stop?older=1&older=2' => 'older', 'twice'],
    ['/stop?age=1'          => 'age', 'older'],
    ['/stop/red?name=blue'  => 'name', 'path'],
);
plan tests => 3 * @table + 2 * @none + 2 * @wrong + 9, need_module 'wheel';

my $server = WheelTest->shared;
my %id;
my @answers = turn();

for my $row (@none) {
    my ($query, $called) = @$row;
    my $answer = $server->get("/stop?$query");
    is $answer->status, 404, "$query means none";
    like $answer->json->{detail}, qr/\Q$called\E\z/, 'as the problem says';
}
for my $row (@wrong) {
    my ($target, @told) = @$row;
    my $answer = $server->get($target);
    is $answer->status, 400, "$target is a bad request";
    my $detail = $answer->json->{detail};
    is join(' ', grep { index($detail, $_) < 0 } @told), '',
        "the problem tells @told" or diag $detail;
}
is $server->rotating, 4, 'nothing of that has stopped a wheel';

my $twin = $server->get("/stop/red?id=$id{red}&client=127.0.0.1&json");
is $twin->json->{stopped}, 1, 'the name of a path goes with other filters';
ok wait_until { $server->running == 3 }, 'which it had to pass, too';
is $server->get("/stop/red.2?id=$id{blue}")->status, 404,
    'a wheel that one of them does not mean goes on';
is $server->get('/stop/blue?client=127.0.0.1')->status, 404,
    'whatever the filter';

# The age of wheels that were not started at once: by so many seconds that none
# passes before the stop comes.
wait_until { !grep { $_->{elapsed} < 3 } $server->rotating };
my ($young) = $server->rotate(1, '/rotate/young');
my ($age)   = sort { $a <=> $b } map { $_->{elapsed} }
    grep { ($_->{name} // '') ne 'young' } $server->rotating;
my $stop = $server->get(sprintf '/stop?older=%.6f&json', $age);
is grep({ ($_->{name} // '') eq 'young' } @{ $stop->json->{wheels} }), 0,
    'a stop of what is older spares a younger one';
is $stop->json->{stopped}, 3, 'and ends all that are';
is $server->rotating, 1, 'which alone goes on';
$server->end_wheels;
is await(@answers, $young), 5, 'each has its number';

for my $row (@table) {
    my ($query, @names) = @$row;
    @answers = turn();
    $stop    = $server->get("/stop?$query&json&wait=20");
    is_deeply $stop->json, {
        stopped => scalar @names,
        wheels  => [
            map {
                {
                    id   => $id{$_}, name => $_ eq 'none' ? undef : $_,
                    client  => $_ eq 'blue' ? '127.0.0.2' : '127.0.0.1',
                    handler => 'wheel-rotate', outcome => 'ended',
                }
            } @names
        ],
        },
        "$query stops and lists @names";
    my %ended = map { $_ => 1 } @names;
    is join(' ', map { $_->{name} // 'none' } $server->running),
        join(' ', grep { !$ended{$_} } qw(red red.2 blue none)),
        'and no other';
    $server->end_wheels;
    is await(@answers), 4, 'each has its number';
}

# Four wheels, one after the other; the third is of another client.
sub turn {
    my @wheels = map { $server->rotate(1, $_) } qw(/rotate/red /rotate/red.2);
    push @wheels, WheelClient->new($server->port, from => '127.0.0.2')
        ->ask(GET => '/rotate/blue', headers => [Connection => 'close']);
    $server->wait_rotating(3);
    push @wheels, $server->rotate(1);
    %id = map { $_->{name} // 'none' => $_->{id} } $server->running;
    return @wheels;
}
