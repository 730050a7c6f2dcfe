# SPDX-License-Identifier: Apache-2.0
# Names come from clients, and every name would be another time series for ever:
# the 32 that were used last have series of their own, all others share one.
#
# Under one MPM: it has no part in how metrics are written.

use strict;
use warnings FATAL => 'all';

use WheelMetrics qw(scrape);
use WheelPlan;
use WheelServer ();

use constant { NAMES => 100, OWN => 32 };

plan tests => 8, need_module 'wheel';

my $server = WheelServer->started(processes => 2, threads => 8);

sub names {
    my ($sample) = @_;
    my %name = map { /\Awheel_ended_total\{.*name="(.*)"\}\z/ ? ($1 => 1) : () }
        keys %$sample;
    return sort keys %name;
}

is_deeply [grep { $_ ne '(none)' } names(scrape($server))], [],
    'a new server counts no name';
$server->get('/rotate?wait=0');
$server->rotate_briefly('other', map {"n$_"} 1 .. NAMES - 1);
my $sample = scrape($server);
my @names  = names($sample);
is @names, OWN + 2, 'of a hundred names 32 have series of their own';
is_deeply [grep { !/\A(?:n\d+|other)\z/ } @names], ['(none)', '(other)'],
    'beside what has none and the rest';

sub late { return $sample->{qq(wheel_ended_total{reason="deadline",name="$_[0]"})} }

is late('(none)'), 1, 'wheels without a name are counted as such';
is late('n' . (NAMES - 1)), 1, 'a name that came last is counted';
is late('n1'), undef, 'one that was not used since has lost its place';
is late('(other)'), NAMES - OWN, 'the rest are counted together';
my $size = keys %$sample;
$server->rotate_briefly(map {"m$_"} 1 .. 50);
is keys %{ scrape($server) }, $size, 'and more names make no more series';
