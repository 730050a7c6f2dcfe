# SPDX-License-Identifier: Apache-2.0
# However many wheels rotate, one stop ends them all, and each of their clients
# gets its number.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await wait_until);

my @counts = (1, 2, 8, 40, 41, 100);
plan tests => 6 * @counts + 1, need_module 'wheel';

my $server = WheelTest->shared;
my $sentence = '"Wheel running job stopped. See the rotate request output now '
    . 'to see the lucky number."';
my %id;

for my $count (@counts) {
    my @wheels = $server->rotate($count);
    my $stop   = $server->get('/stop');
    is $stop->status, 200, "a stop of $count wheels is answered";
    is $stop->body, $sentence, "and says so in the seed's words";
    is $stop->header('Wheel-Stopped'), $count, "and counts $count";
    is await(@wheels), $count, "all $count requests are answered";
    my @fine = grep {
        $_->status == 200
            && $_->body =~ /\A"Your lucky number is [0-9]!"\z/
            && $_->header('Wheel-Stopped-By') eq 'stop'
    } @wheels;
    is @fine, $count, "each of the $count has its number, and why it ended";
    $id{ $_->header('Wheel-Id') }++ for @wheels;
    ok wait_until { !$server->running }, 'no companion is left behind';
}

my $sum = 0;
$sum += $_ for @counts;
is keys %id, $sum, 'no two wheels have had the same id';
