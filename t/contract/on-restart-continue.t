# SPDX-License-Identifier: Apache-2.0
# Wheels of all generations go on over graceful restarts: each is listed in one
# table, is stopped by whatever process gets the stop, and is remembered when it
# has ended.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints restarted turn);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

my @names = qw(first second third);
my $each  = 3;
plan tests => 15, need_module 'wheel';

my $server = WheelServer->started(processes => 3, threads => 8, spare => 9);
my (%wheels, %before);
for my $name (@names) {
    $wheels{$name} = [turn($server, $each, $name)];
    next if $name eq $names[-1];
    %before = map { $_->{id} => $_ } $server->rotating;
    ok restarted($server, 'USR1'), "the server restarts under the $name wheels";
}

my @rotating = sort { $a->{id} <=> $b->{id} } $server->rotating;
is @rotating, $each * @names, 'the wheels of three generations are listed';
is_deeply [map { $_->{name} } @rotating],
    [map { ($_) x $each } @names], 'their ids have grown over the restarts';
is_deeply [map { $_->{generation} } @rotating],
    [map { ($_) x $each } 0 .. $#names], 'each knows its generation';
is_deeply [map { "$_->{started} $_->{pid}" } @rotating[0 .. $each * 2 - 1]],
    [map { "$before{$_}{started} $before{$_}{pid}" }
        sort { $a <=> $b } keys %before],
    'the old ones are where they were';
ok wait_until {
    my %now = map { $_->{id} => $_->{turns} } $server->rotating;
    !grep { ($now{ $_->{id} } // 0) <= $_->{turns} } @rotating;
}, 'and all of them turn';

is $server->get('/stop/first')->header('Wheel-Stopped'), $each,
    'a stop by name finds the oldest';
is_deeply answers_by(@{ $wheels{first} }), { stop => $each },
    'they are answered';
is $server->rotating, $each * 2, 'and no other';
is $server->get('/stop')->header('Wheel-Stopped'), $each * 2,
    'one stop finds all the others';
is_deeply answers_by(map { @{ $wheels{$_} } } qw(second third)),
    { stop => $each * 2 }, 'and they are answered';

ok wait_until { !$server->running }, 'no slot is left in use';
my $status = $server->status;
is_deeply [scalar @{ $status->{recent} }, $status->{totals}{ended}{stop}],
    [9, 9], 'the table remembers them all';
is_deeply [complaints($server)], [], 'the log has no complaint';
