# SPDX-License-Identifier: Apache-2.0
# A client of another module whose job is refused, and that takes its time to
# hang up, holds no worker meanwhile: httpd would wait two seconds for each.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await read_answers);

# Waiting for each would keep the others waiting for 48 seconds.
use constant { CLIENTS => 96, WORKERS => 4, LIMIT_SEC => 30 };

plan tests => 4, need_module 'wheel';

my $prefork = WheelServer::mpm() eq 'prefork';
my $server  = WheelServer->started(
    processes => $prefork ? WORKERS : 1, threads => $prefork ? 1 : WORKERS,
    config    => user_modules('gaps') . <<'END');
WheelMax 1
<Location "/gaps">
    SetHandler gaps
</Location>
END

my ($wheel) = $server->rotate(1);
my @clients = map { $server->connect_to } 1 .. CLIENTS;
for my $client (@clients) {
    WheelTest::send_all($client,
        "GET /gaps HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
}
my $began = time;
is $server->get('/index.html')->status, 200,
    'others are answered while nobody hangs up';
cmp_ok time - $began, '<', LIMIT_SEC, 'and soon';
my @answers = map { read_answers($_, 'GET') } @clients;
is grep({ $_->status == 503 && $_->header('Retry-After') } @answers), CLIENTS,
    'each has been told to come again';
$server->get('/stop');
is await($wheel), 1, 'and the one wheel had its place all the time';
