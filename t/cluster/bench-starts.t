# SPDX-License-Identifier: Apache-2.0
# t/bench/cluster, whose figures the manual has, measures: a moment of it.
#
# Under one MPM: none runs in it.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir);
use WheelPlan;

plan tests => 6, need_module 'wheel';

my $bench = checkout_dir() . '/t/bench/cluster';
my $said  = qx(timeout 200 $bench 5 5 1 2>&1);
is $?, 0, 'it runs' or diag $said;
like $said, qr/^5 hosts, 5 stops$/m, 'with as many hosts as it was told';
my $number = qr/ +[\d.]+/;
like $said, qr/^$_ +median$number ms, 99 %$number ms, worst$number ms$/m,
    "and prints times: $_"
    for "last host's mark", 'the answer to /stop';
like $said, qr/^$_$number us CPU$number bytes in/m, "and costs: $_"
    for 'a host, a quiet second', 'a stop, for each host';
