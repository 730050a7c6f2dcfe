# SPDX-License-Identifier: Apache-2.0
# Where Redis refuses the right to let the replies to a stop expire, they are
# removed when the stop is answered, also if a host has not replied.
#
# Under one MPM: it has no part in how hosts reach each other.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 5, need_module 'wheel';

my $redis = WheelRedis->started;
my $server =
    WheelServer->started(config => $redis->host_config('near', 'timeout=3s'));
ok wait_until { $server->error_log =~ /WH0084:/ }, 'a host reads';
$redis->command(ACL => 'SETUSER', 'default', '-pexpire');
my $now = $redis->command('TIME')->[0] * 1000;
$redis->command(ZADD => 'wheel:live', $now, 'silent/00');
my ($wheel) = $server->rotate(1);
my $stop = $server->get('/stop?json');
is await($wheel), 1, 'it stops its wheel';
is_deeply [sort map { "$_->{host} $_->{outcome}" } @{ $stop->json->{hosts} }],
    ['near stopped', 'silent unanswered'], 'and waits for another host';
like $redis->said(INFO => 'commandstats'), qr/cmdstat_pexpire:.*rejected_calls=1/,
    'Redis refuses the time that the replies are to last';
is_deeply $redis->command(KEYS => 'wheel:stop:*'), [], 'none is left';
