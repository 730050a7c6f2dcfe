# SPDX-License-Identifier: Apache-2.0
# Every program of the benchmark runs, for a moment, and prints its figures.
# (What they are is no matter here.)
#
# Starts first: some programs start several servers.
# Under one MPM: the benchmark starts servers of its own.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir);
use WheelPlan;

chdir checkout_dir() or die "$!\n";
my $number = qr/[\d.]+/;
my $after  = qr{$number / $number|goes on};

# A command, and what each line, or some line, of its output looks like.
my @each = (
    ['t/bench/.build/bare 0.1 2' => qr/\Arate \d+\z/],
    ['t/bench/.build/table'      => qr/\A\d+ \d+(?: $number){4}\z/],
    ['t/bench/.build/slices 0.1 2' =>
        qr/\A\w+ +slice, 2 loops: \d+ times, mean $number ms, most $number ms\z/],
    ['t/bench/control 2'         => qr/ p50 +$number ms .* most +$number ms\z/],
    ['t/bench/control memory 5'  =>
        qr/\Aprivate memory .*: \d+ KiB without, \d+ KiB with it\z/],
    ['t/bench/held 1' => qr/\A\w+ is held +median +$number ms.*ms\z/],
    ["t/bench/memory $$"         => qr/\Amemory \d+\z/],
);
# A machine that is busy gives wheels less than they ask for: t/bench/load says
# so by its exit code.
my @some = (
    ['t/bench/load --mpm=event --seconds=0.2 --loads=10,2x5' =>
        [0, 1], qr/^ +2x5 +10 \|(?: +-?$number ){2}/m],
    ['t/bench/run --quick --rounds=1 --only=event --wheels=0,2 --many=4' =>
        [0], qr/^\| mod_wheel, event \| last of 1000 wheels, .* \| $number /m],
    ['t/bench/cooldown --rounds=1 --requests=20 --only=c --ways=cooldown '
        . '--locks=lock --loads=2 --seconds=0.2' =>
        [0], qr/^lock +beside 2, cooldown .* most +$number /m],
    ['t/bench/runaway --times=1 --only="stop., a CGI"' => [0],
        qr/^\| mod_wheel, `.stop` \| a CGI script \| (?:$after \| ){2}/m],
    ['t/bench/storm --seconds=0.3 --only=^A' =>
        [0], qr/^\| A: [^|]+ \| \d+ \| \d+ \|/m],
    ['t/bench/requests --rounds=1 --requests=200 --only=worker,.kept' =>
        [0], qr/^\| worker, kept connections \|(?: -?$number \|){7}/m],
    ['t/bench/instructions --requests=20 --only=used' =>
        [0], qr/^\| loaded and not used \| [1-9]\d{4} \| 1\.000 \|$/m],
);
plan tests => 2 * @each + 2 * @some, need_module 'wheel';

for my $row (@each) {
    my ($command, $form) = @$row;
    my ($code, $said) = said_by($command);
    is $code, 0, "$command runs";
    my @odd = grep { $_ !~ $form } split /\n/, $said;
    is_deeply [length $said > 0, @odd], [1], 'and prints its figures';
}
for my $row (@some) {
    my ($command, $codes, $form) = @$row;
    my ($code, $said) = said_by($command);
    ok scalar(grep { $_ == $code } @$codes), "$command runs" or diag $said;
    like $said, $form, 'and prints its figures';
}

sub said_by {
    my ($command) = @_;
    my $said = qx($command 2>/dev/null);
    return ($? >> 8, $said);
}
