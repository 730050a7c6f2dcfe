# SPDX-License-Identifier: Apache-2.0
# A connection that is kept alive serves one request after the other, wheels
# among them, and requests that were sent ahead are answered in order.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(read_answers wait_until);

plan tests => 17, need_module 'wheel';

my $server = WheelTest->shared;
my $number = qr/\A"Your lucky number is [0-9]!"\z/;

# One after the other.
my $talk = $server->connect_to;
for my $target ('/rotate?wait=0.1', '/rotate/red?wait=0', '/stop') {
    like ask($talk, $target)->body, qr/\A"/,
        "$target is answered on a connection";
}
is ask($talk, '/stop/nobody')->status, 404, 'and an error, too';
is ask($talk, '/rotate/red/blue')->status, 404, 'and another';
is ask($talk, '/index.html')->body, "hello\n", 'and a file behind them';
is ask($talk, '/rotate', 'DELETE')->status, 405, 'and a wrong method';
like ask($talk, '/rotate?wait=0')->body, $number,
    'and the connection still turns wheels';

# A wheel that is stopped from elsewhere.
send_request($talk, GET => '/rotate');
$server->wait_rotating(1);
is $server->get('/stop')->header('Wheel-Stopped'), 1,
    'a wheel on such a connection is stopped by another';
like((read_answers($talk, 'GET'))[0]->body, $number, 'and has its number');
is ask($talk, '/index.html')->body, "hello\n",
    'and the connection is there for more';

# Sent ahead: the bytes of later requests lie in the socket while it rotates.
send_request($talk, @$_)
    for [GET => '/rotate?wait=0.5'], [GET => '/rotate/red?json&wait=0'],
    [DELETE => '/stop'], [GET => '/stop'], [GET => '/index.html'];
my @answers = read_answers($talk, ('GET') x 5);
is_deeply [map { $_->status } @answers], [200, 200, 405, 200, 200],
    'five requests that were sent ahead are answered';
like $answers[0]->body, $number, 'in their order: the wheel first';
is $answers[0]->header('Wheel-Stopped-By'), 'deadline',
    'which the bytes behind it have not ended';
cmp_ok $answers[0]->header('Wheel-Elapsed'), '>=', 0.5, 'before its time';
is $answers[1]->json->{name}, 'red', 'then the next';
is $answers[4]->body, "hello\n", 'and the file last';

sub send_request {
    my ($socket, $method, $target) = @_;
    WheelTest::send_all($socket, "$method $target HTTP/1.1\r\nHost: x\r\n\r\n");
    return;
}

sub ask {
    my ($socket, $target, $method) = @_;
    send_request($socket, $method // 'GET', $target);
    my ($answer) = read_answers($socket, $method // 'GET');
    return $answer;
}
