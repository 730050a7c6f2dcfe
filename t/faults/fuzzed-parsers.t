# SPDX-License-Identifier: Apache-2.0
# The code that reads a request, the code that repeats its bytes, the code that
# reads Redis and the privileged process keep their promises for a thousand
# inputs each that libFuzzer makes from t/fuzz/corpus.  (make fuzz does it for as long as one likes.)
#
# Under one MPM: it has no part in the parsers.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir);
use WheelKeeper qw(kept_dir);
use WheelPlan;

use constant RUNS => 1000;

# How much of its code each reaches at least.  The corpus alone does that, so
# chance has no part in it.  A child of another user needs root.
my %covers  = (parse => 400, privileged => $> == 0 ? 220 : 100, wire => 120);
my $fuzz    = checkout_dir() . '/t/fuzz';
my @fuzzers = grep { -x "$fuzz/.build/$_" } sort keys %covers;
plan tests => 3 * @fuzzers, need 'wheel',
    { "$fuzz/.build needs clang" => sub { scalar @fuzzers } };

for my $name (@fuzzers) {
    my $dir = kept_dir();
    mkdir "$dir/corpus" or die "$dir/corpus: $!\n";
    my @command = (
        "$fuzz/.build/$name", '-runs=' . RUNS, '-max_len=1000',
        '-timeout=10', "-dict=$fuzz/$name.dict", "-artifact_prefix=$dir/",
        "$dir/corpus", "$fuzz/corpus"
    );
    my $said   = qx(@command 2>&1);
    my $exited = $?;
    my ($runs)   = $said =~ /^Done (\d+) runs/m;
    my ($covers) = $said =~ /.*cov: (\d+)/s;
    is $exited, 0, "$name: no input breaks a promise or a rule of memory"
        or diag substr $said, -3000;
    cmp_ok $runs // 0, '>=', RUNS, 'of a thousand';
    cmp_ok $covers // 0, '>', $covers{$name}, 'which reach most of the code';
    note "$runs inputs, $covers edges";
}
