# SPDX-License-Identifier: Apache-2.0
# A client that sends malformed input to the socket of WheelControl, sends it
# slowly, or doesn't read, gets an error or is disconnected, and delays no other
# client.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config control_socket hear plain_connect
    say_and_hear wheelctl wheelctl_json);
use WheelFaults qw(complaints);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

# What is sent, and what the problem tells.
my @rubbish = (
    ["\n",                      400, "'' is not one of: list, stop"],
    ["LIST\n",                  400, "'LIST' is not one of"],
    ["GET / HTTP/1.1\r\n",      400, "'GET' is not one of"],
    ["stops\n",                 400, "'stops' is not one of"],
    ["list x=1\n",              400, "unknown parameter 'x'"],
    ["list older=1h\n",         400, 'older'],
    ["stop id=1&id=2\n",        400, 'twice'],
    ["stop name=%zz\n",         400, 'name'],
    ["stop dry&wait=1\n",       400, 'dry or wait'],
    ["stop\0 all\n",            400, 'NUL'],
    ["list\nlist\n",            400, 'one line'],
    ["\x{ff}\x{fe}\e[31m\n",    400, '\xff\xfe\x1b[31m'],
    ['stop ' . 'x' x 1019,      400, '1024 bytes'],
    ['x' x 100_000,             400, '1024 bytes'],
);
plan tests => 2 * @rubbish + 9, need_module 'wheel';

# One process, so that one who dies of it would be missed.
my ($mpm, @room) = (WheelServer::mpm());
@room = $mpm eq 'prefork' ? (processes => 1, threads => 1)
    : (processes => 1, threads => 4);
my $server = WheelServer->started(@room, spare => 1,
    config => control_config() . "WheelReserve 0\n");
my $child = join ' ', $server->children;
my ($wheel) = map { $server->begin(GET => $_) } '/rotate/red';
wait_until { (wheelctl($server, qw(list --name=red)))[0] == 0 };

for my $row (@rubbish) {
    my ($bytes, $status, $told) = @$row;
    my $name
        = substr($bytes, 0, 20) =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;
    my $heard = say_and_hear($server, $bytes) // 'nothing';
    my ($line, $json) = split /\n/, $heard;
    is $line, $status, "'$name' is refused";
    my $detail = (eval { JSON::PP::decode_json($json) } // {})->{detail} // '';
    ok index($detail, $told) >= 0, "for: $told" or diag $heard;
}

# More than it takes at once: the first of those that say nothing makes room.
my @silent = map { plain_connect($server) } 1 .. 150;
my $half = plain_connect($server);
syswrite $half, 'sto';
is +(wheelctl($server, 'list'))[0], 0, '150 that say nothing keep nobody out';
my @waiting = map { plain_connect($server) } 1 .. 10;
syswrite $_, "stop dry\n" for @waiting;
is scalar(grep { (hear($_) // '') =~ /\A200\n/ } @waiting), 10,
    'nor does anybody who comes with others';
is hear($silent[0]), '', 'the oldest is cut off at once';
is hear($half),      '', 'one with half a line is cut off in time';
is hear($silent[-1]), '', 'as are all the others';

# A long answer that nobody reads.
my $deaf = plain_connect($server);
setsockopt $deaf, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 1;
syswrite $deaf, "list\n";
is +(wheelctl($server, 'list'))[0], 0, 'nor does one that does not read';
my $gone = plain_connect($server);
syswrite $gone, "stop name=red&wait=20\n";
close $gone;
is await($wheel), 1, 'a stop holds, though its sender is gone';
is +(wheelctl($server, 'list'))[0], 0, 'and the next one is answered';
is join(' ', $server->children, complaints($server)), $child,
    'by the process that was there at the beginning';
