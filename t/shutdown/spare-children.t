# SPDX-License-Identifier: Apache-2.0
# A child that the MPM ends because too many workers are idle keeps its wheels
# until they are stopped, or until the server ends: then they are answered.
# (Prefork ends only children that are idle.)

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(accepts answers_by complaints ended_in_time turn
    wheels_by_pid);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 6, need_module 'wheel';

my $prefork = WheelServer::mpm() eq 'prefork';

# Eighty wheels leave few workers idle; when some of them end, too many are.  So
# are they at the start, where some children go at once.
my $server = WheelServer->started(
    ready => 16,
    $prefork ? (processes => 90, threads => 1, spare => 10)
    : (processes => 3, threads => 30, spare => 5),
    config => $prefork ? "MinSpareServers 8\nMaxSpareServers 16\n"
    : "MinSpareThreads 8\nMaxSpareThreads 38\nMaxRequestWorkers 120\n");
my @wheels = turn($server, 80);

# End some in each process, so that all keep others.
my @most   = $server->children;
my @groups = values %{ wheels_by_pid($server) };
my @surplus;
while (@surplus < 30) {
    push @surplus, map { shift @$_ // () } @groups;
}
$server->get("/stop?id=$_->{id}") for @surplus[0 .. 29];

my (%spare, @rotating);
ok wait_until {
    @rotating = $server->rotating;
    %spare = map { $_ => 1 }
        grep { !accepts($server, $_) } map { $_->{pid} } @rotating;
    my @children = $server->children;
    $prefork ? @children < @most : %spare;
}, 'a child is told to end';
is @rotating, 50, 'fifty wheels turn on';

ended_in_time($server, 'TERM', 'spare children', @wheels);
# The MPM closes the connections of children that it had not told to end.
my $open = grep { $prefork || $spare{ $_->{pid} } } @rotating;
my $by   = answers_by(@wheels);
is $by->{stop}, 30, 'the clients of the thirty are answered';
cmp_ok $by->{shutdown}, '>=', $open,
    'and those whose children were told to end';
is_deeply [complaints($server)], [], 'the log has no complaint';
