# SPDX-License-Identifier: Apache-2.0
# Requests as no browser sends them: each gets an answer of HTTP or the end of
# its connection, no wheel is left, and the server goes on.
#
# Under one MPM: it has no part in how a request is read.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await wait_until);

my $crlf = "\r\n";
my $host = "Host: localhost$crlf";
my @odd  = (
    ['a line of 9000 bytes',
        'GET /rotate/' . 'x' x 9000 . " HTTP/1.1$crlf$host$crlf"],
    ['a header of 9000 bytes',
        "GET /rotate HTTP/1.1$crlf${host}X: " . 'x' x 9000 . "$crlf$crlf"],
    ['a thousand headers',
        "GET /rotate HTTP/1.1$crlf$host" . "X: y$crlf" x 1000 . $crlf],
    ['a Prefer of 8000 bytes, mostly commas',
        "GET /rotate?wait=0 HTTP/1.1$crlf${host}Prefer: "
            . ',' x 8000 . "$crlf$crlf"],
    ['a Prefer with quotes that never end',
        "GET /rotate?wait=0 HTTP/1.1$crlf${host}Prefer: wait=\"1$crlf$crlf"],
    ['no Host', "GET /rotate HTTP/1.1$crlf$crlf"],
    ['HTTP/0.9', "GET /rotate$crlf"],
    ['HTTP/9.9', "GET /rotate?wait=0 HTTP/9.9$crlf$host$crlf"],
    ['a method of a thousand letters',
        'G' x 1000 . " /rotate HTTP/1.1$crlf$host$crlf"],
    ['a lower-case method', "get /rotate HTTP/1.1$crlf$host$crlf"],
    ['bytes that are no HTTP', join '', map {chr} 0 .. 255],
    ['an address of a server',
        "GET http://localhost/rotate?wait=0 HTTP/1.1$crlf$host$crlf"],
    ['a thousand parameters',
        'GET /rotate?' . 'wait=0&' x 1000 . " HTTP/1.1$crlf$host$crlf"],
    ['a path with a hundred slashes',
        'GET /rotate' . '/' x 100 . " HTTP/1.1$crlf$host$crlf"],
    ['dots that climb', "GET /rotate/../../etc/passwd HTTP/1.1$crlf$host$crlf"],
    ['dots that climb to stop and wait',
        "GET /rotate/../stop?wait=0 HTTP/1.1$crlf$host$crlf"],
    ['a fragment', "GET /rotate?wait=0#x HTTP/1.1$crlf$host$crlf"],
    ['two lengths of body',
        "POST /rotate?wait=0 HTTP/1.1$crlf${host}Content-Length: 3$crlf"
            . "Content-Length: 4$crlf${crlf}abcd"],
    ['a length that is none',
        "POST /rotate?wait=0 HTTP/1.1$crlf${host}Content-Length: -1$crlf$crlf"],
    ['chunks that are none',
        "POST /rotate?wait=0 HTTP/1.1$crlf$host"
            . "Transfer-Encoding: chunked$crlf${crlf}zz$crlf$crlf"],
    ['a body that is shorter than it says',
        "POST /rotate?wait=0 HTTP/1.1$crlf$host"
            . "Content-Length: 10$crlf${crlf}abc"],
    ['nothing at all', ''],
);
plan tests => @odd + 3, need_module 'wheel';

my $server = WheelTest->shared;
my $pid    = join ' ', $server->children;

for my $row (@odd) {
    my ($what, $bytes) = @$row;
    my $socket = $server->connect_to;
    WheelTest::send_all($socket, $bytes);
    shutdown $socket, 1;
    my $answer = WheelTest::Answer->new($socket, 'GET');
    await($answer);
    ok $answer->done && ($answer->status // 400) =~ /\A(?:[2345]\d\d|000)\z/,
        "$what: " . ($answer->{status_line} // 'the end of the connection');
}
ok wait_until { !$server->running }, 'no wheel is left';
is join(' ', $server->children), $pid, 'the same processes serve';
is $server->get('/rotate?wait=0')->status, 200, 'and turn wheels as ever';
