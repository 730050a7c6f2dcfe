# SPDX-License-Identifier: Apache-2.0
# A dry stop tells what a stop with the same filters would stop, and stops
# nothing.
#
# Under one MPM: it has no part in what a filter selects.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await collect);

plan tests => 16, need_module 'wheel';

my $server = WheelTest->shared;
is_deeply $server->get('/stop?dry')->json, { stopped => 0, wheels => [] },
    'of nothing, it tells nothing';

my @wheels = $server->rotate(2, '/rotate/red');
push @wheels, $server->rotate(1, '/rotate/blue');
my %id = map { $_->{id} => $_->{name} } $server->rotating;

for my $row (
    ['/stop?dry', qw(red red blue)],
    ['/stop?dry&json&name=red*', qw(red red)],
    ['/stop/blue?dry', 'blue'],
    ['/stop?dry&name=green'],
    ['/stop/green?dry'])
{
    my ($target, @names) = @$row;
    my $answer = $server->post($target);
    is $answer->header('Wheel-Stopped'), 0, "$target stops none";
    is_deeply [map {"$_->{name} $_->{outcome}"} @{ $answer->json->{wheels} }],
        [map {"$_ would-stop"} @names],
        'and lists ' . (join(' ', @names) || 'none');
}
my $listed = $server->get('/stop?dry')->json->{wheels};
is_deeply { map { $_->{id} => $_->{name} } @$listed }, \%id,
    'by their ids, too';
is $server->rotating, 3, 'all go on';
is collect(0, @wheels), 0, 'none has been answered';
my $odd = $server->get('/stop?dry&wait=1');
is $odd->status . ' ' . ($odd->json->{detail} =~ /dry or wait/ ? 1 : 0),
    '400 1', 'there is nothing to wait for';

$server->get('/stop');
is await(@wheels), 3, 'a real stop ends them';
