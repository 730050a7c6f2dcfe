# A child that has answered several wheels of one connection, sent ahead, ends
# on TERM like any other.

use strict;
use warnings FATAL => 'all';

use Apache::Test qw(-withtestmore);
use WheelServer ();
use WheelTest qw(read_answers);

plan tests => 4, need_module 'wheel';

my $server = WheelServer->started(processes => 1, threads => 3);
my $ahead  = join '',
    map {"GET /rotate?wait=$_ HTTP/1.1\r\nHost: x\r\n\r\n"} 0.2, 0.1, 0, 0, 0.1;
my @open;
for my $n (1, 2) {
    my $socket = $server->connect_to;
    WheelTest::send_all($socket, $ahead);
    is read_answers($socket, 20, ('GET') x 5), 5,
        "five wheels of connection $n are answered";
    push @open, $socket;
}
close $_ for @open;
ok $server->stop(3), 'the server ends on TERM';
unlike $server->error_log, qr/still did not exit/,
    'and nobody had to be told twice';
