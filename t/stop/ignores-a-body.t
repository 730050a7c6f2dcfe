# SPDX-License-Identifier: Apache-2.0
# POST works like GET; a body is read and ignored.

use strict;
use warnings FATAL => 'all';

use Apache::TestRequest qw(POST);
use WheelPlan;
use WheelTest qw(await read_answers);

my @bodies = (
    ['a form',             'wait=5&json=1&name=red',
        'application/x-www-form-urlencoded'],
    ['JSON',               '{"wait": 5}',  'application/json'],
    ['100 kilobytes',      'x' x 100_000,  'application/octet-stream'],
    ['a megabyte',         'x' x 1_000_000, 'application/octet-stream'],
    ['nothing',            '',             'text/plain'],
);
plan tests => 3 * @bodies + 12, need_module 'wheel';

my $server = WheelTest->shared;
for my $row (@bodies) {
    my ($what, $body, $type) = @$row;
    my @options = (body => $body, headers => ['Content-Type' => $type]);
    my $wheel   = $server->begin(POST => '/rotate', @options);
    ok $server->wait_rotating(1), "a wheel rotates whose request has $what";
    my $stop = $server->post('/stop', @options);
    is $stop->header('Wheel-Stopped'), 1, "a stop that has $what ends it";
    await($wheel);
    like $wheel->body, qr/\A"Your lucky number is [0-9]!"\z/,
        "it has its number, whose request had $what";
}

# More than the buffers between client and server hold: unless it is read, the
# client can't get rid of it.
my $large = $server->connect_to;
ok WheelTest::send_all($large,
    "POST /rotate HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n"
        . 'x' x 33_554_432),
    'a body of 32 megabytes is read';
ok $server->wait_rotating(1), 'and then its wheel rotates';
$server->get('/stop');
is +(read_answers($large, 'POST'))[0]->status, 200, 'until it is stopped';

my $chunked = $server->connect_to;
WheelTest::send_all($chunked,
    "POST /rotate?wait=0 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        . "\r\n5\r\nhello\r\n0\r\n\r\nGET /stop HTTP/1.1\r\nHost: x\r\n\r\n");
my @answers = read_answers($chunked, 'POST', 'GET');
is @answers, 2, 'a chunked body is read to its end';
like $answers[0]->body, qr/lucky/, 'its wheel has a number';
like $answers[1]->body, qr/stopped/, 'the next request is found behind it';

my $expects = $server->connect_to;
WheelTest::send_all($expects, "POST /rotate?wait=0 HTTP/1.1\r\nHost: x\r\n"
        . "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
my $answer = WheelTest::Answer->new($expects, 'POST');
WheelTest::wait_until { $answer->read_some; $answer->{interim} };
is $answer->{interim}, 1, 'a client that asks first is told to go on';
WheelTest::send_all($expects, 'hello');
await($answer);
is $answer->status, 200, 'and is answered';

# Apache::Test's own client says the same.
my $posted = POST('/rotate?wait=0', content => 'hello');
is $posted->code, 200, 'POST /rotate is answered';
is $posted->header('Wheel-Stopped-By'), 'deadline', 'at its deadline';
like $posted->content, qr/\A"Your lucky number is [0-9]!"\z/, 'by its number';
is POST('/stop', [])->header('Wheel-Stopped'), 0, 'POST /stop is answered';
