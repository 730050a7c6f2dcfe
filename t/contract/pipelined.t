# SPDX-License-Identifier: Apache-2.0
# A child that has answered several wheels of one connection, sent ahead, ends
# on TERM like any other.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelPlan;
use WheelServer ();
use WheelTest qw(read_answers soonest);

# Seconds until the parent sends its children another TERM.
use constant AGAIN_SEC => 3;

plan tests => 3, need_module 'wheel';

my $ahead = join '',
    map {"GET /rotate?wait=$_ HTTP/1.1\r\nHost: x\r\n\r\n"} 0.2, 0.1, 0, 0, 0.1;
my ($tried, $answered, $log) = (0, 0);
my $took = soonest {
    my $server = WheelServer->started(processes => 1, threads => 6);
    my @open   = map { $server->connect_to } 1, 2;
    for my $socket (@open) {
        WheelTest::send_all($socket, $ahead);
        $answered += read_answers($socket, ('GET') x 5);
    }
    $tried++;
    close $_ for @open;
    my $began = time;
    $server->stop;
    $log = $server->error_log;
    time - $began;
} AGAIN_SEC;
is $answered, 2 * 5 * $tried, 'five wheels of each connection are answered';
cmp_ok $took, '<', AGAIN_SEC, 'the server ends on TERM';
unlike $log, qr/still did not exit/, 'no child needed a second TERM';
