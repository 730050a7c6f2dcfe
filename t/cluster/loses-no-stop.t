# SPDX-License-Identifier: Apache-2.0
# Three hosts and a balancer in front: a stop ends the wheels of all, whoever
# it is said to.  Then a short storm of stops while links, hosts and Redis come
# and go: none is lost and none hits another wheel (make cluster-soak is long).
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelBalancer ();
use WheelPlan;
use WheelStorm ();
use WheelTest qw(await wait_until);

# In turn, each in the middle of so many stops.
my @kinds = qw(cut slow redis child graceful);
my $each  = 3;
plan tests => 14, need_module 'wheel';

my @said;
my $storm   = WheelStorm->new(say => sub { push @said, $_[0] });
my $cluster = $storm->hosts;
my @hosts   = $cluster->hosts;
diag 'no network namespaces here: the hosts are on loopback'
    unless $cluster->{namespaces};

my $proxy
    = WheelBalancer->started([map { "$_->{address}:" . $_->port } @hosts]);
for my $to (@hosts, $proxy) {
    my $who    = $to == $proxy ? 'the balancer' : 'a host';
    my @wheels = map { $proxy->begin(GET => '/rotate/all') } 1 .. 6;
    ok wait_until {
        6 == grep { ($_->{name} // '') eq 'all' } map { $_->rotating } @hosts;
    }, 'wheels turn that the balancer has spread';
    # A machine that is busy with something else may keep Redis waiting: who
    # is told so says it again.
    my @stops;
    ok wait_until {
        push @stops, $to->get('/stop/all');
        ($stops[-1]->status // 502) != 502;
    }, "a stop is said to $who";
    is await(@wheels), 6, 'and ends them all'
        or diag map {"$_->{status_line}: $_->{body}\n"} @stops;
}
undef $proxy;

$storm->round($_, $each) for @kinds;
$storm->round(nothing => 2);
my $count = $storm->count;
note join ', ', map {"$_ $count->{$_}"} sort keys %$count;
is_deeply [@$count{qw(lost wrong)}], [0, 0],
    'no stop was lost, and none applied to a wheel that it did not concern'
    or diag map {"$_\n"} @said;
is $count->{stopped} + $count->{gone}, 2 * (2 + @kinds * $each),
    'every wheel is accounted for';
