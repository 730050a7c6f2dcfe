# SPDX-License-Identifier: Apache-2.0
# The code that reads a request and the code that repeats its bytes keep their
# promises for a thousand inputs that libFuzzer makes from t/fuzz/corpus.  (make
# fuzz does it for as long as one likes.)
#
# Under one MPM: it has no part in the parsers.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir);
use WheelKeeper qw(kept_dir);
use WheelPlan;

use constant RUNS => 1000;

my $fuzzer = checkout_dir() . '/t/fuzz/.build/parse';
plan tests => 3, need 'wheel',
    { "$fuzzer needs clang" => sub { -x $fuzzer } };

my $fuzz = checkout_dir() . '/t/fuzz';
my $dir  = kept_dir();
mkdir "$dir/corpus" or die "$dir/corpus: $!\n";
my @command = (
    $fuzzer, '-runs=' . RUNS, '-max_len=1000', '-timeout=10',
    "-dict=$fuzz/parse.dict", "-artifact_prefix=$dir/", "$dir/corpus",
    "$fuzz/corpus"
);
my $said   = qx(@command 2>&1);
my $exited = $?;
my ($runs)   = $said =~ /^Done (\d+) runs/m;
my ($covers) = $said =~ /.*cov: (\d+)/s;
is $exited, 0, 'no input breaks a promise or a rule of memory'
    or diag substr $said, -3000;
cmp_ok $runs // 0, '>=', RUNS, 'of a thousand';
cmp_ok $covers // 0, '>', 200, 'which reach most of the code';
note "$runs inputs, $covers edges";
