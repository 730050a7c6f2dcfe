# SPDX-License-Identifier: Apache-2.0
# The rights that the manual names are enough, and none too many.  A password
# is read from a file that only root can read and is shown nowhere; clusters
# with different keys don't hear of each other.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir libexec_dir redis_module_file slurp spew);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 39, need_module 'wheel';

my $secret = 'sesame:street@1/2%3' . '-token' x 100;
my ($rights) = slurp(checkout_dir() . '/mod_wheel/doc/clusters.md')
    =~ /^    (user wheel on .*?)\n\n/ms;
$rights =~ s/ \\\n +/ /g;
$rights =~ s/>\S+/>$secret/;
my $redis = WheelRedis->started(
    acl => "user default on >root ~* &* +\@all\n$rights +select\n");

# We may do everything.
$ENV{REDISCLI_AUTH} = 'root';

sub host {
    my ($name, $url, $options) = @_;
    my $file = redis_module_file();
    return WheelServer->new(config => <<"END");
LoadModule info_module "@{[libexec_dir()]}/mod_info.so"
LoadModule wheel_redis_module "$file"
WheelCluster $url host=$name timeout=5s $options
<Location /server-info>
    SetHandler server-info
</Location>
END
}

sub linked {
    my ($server) = @_;
    my ($last) = reverse $server->error_log =~ /WH008([45]):/g;
    return ($last // '') eq '4';
}

# A host that has long been gone.
$redis->command(ZADD => 'wheel:live', 1, 'gone/00');
$redis->command(HSET => 'wheel:hosts', 'gone/00', '{}');

my $port   = $redis->port;
my $coded  = $secret =~ s/(\W)/sprintf '%%%02X', ord $1/ger;
my $in_url = host('url', "redis://wheel:$coded\@127.0.0.1:$port", '');
my $file   = spew($in_url->dir . '/password', "$secret\n");
chmod 0600, $file;
my $in_file = host('file', 'unix:' . $redis->socket,
    "user=wheel password-file=$file");
my $other = host('other', "redis://127.0.0.1:$port", 'user=wheel '
    . "password-file=$file key=wheel:other");
my $apart = host('apart', "redis://127.0.0.1:$port/3", 'user=wheel '
    . "password-file=$file");
my @all = ($in_url, $in_file, $other, $apart);
ok $_->start, 'a host starts' for @all;
ok wait_until { @all == grep { linked($_) } @all },
    'all find Redis: by URL, by socket, with another key and database';

my @wheels = map { $_->rotate(1) } @all;
my $stop = $in_url->get('/stop?json');
is_deeply [sort map {"$_->{host} $_->{outcome}"} @{ $stop->json->{hosts} }],
    ['file stopped', 'url stopped'], 'a stop reaches its own cluster';
is await(@wheels[0, 1]), 2, 'whose wheels end';
is $_->rotating, 1, 'those of another key or database turn on'
    for $other, $apart;
is $other->get('/stop')->header('Wheel-Stopped'), 1,
    'until somebody stops them there';
$apart->get('/stop');
is await(@wheels), 4, 'and then all have ended';
ok wait_until { !defined $redis->command(ZSCORE => 'wheel:live', 'gone/00') },
    'a host that has long been gone is forgotten';
$in_url->get('/wheel-status?cluster');

is_deeply $redis->command('ACL', 'LOG'), [], 'no right was missing';
my %used = map { lc($_) => 1 }
    $redis->said(INFO => 'commandstats') =~ /^cmdstat_(\w+)/mg;
my @unused = grep { !$used{$_} } $rights =~ /\+(\w+)/g;
is "@unused", '', 'and none is superfluous';

for my $server (@all) {
    my $info = $server->get('/server-info?config')->body;
    my $shown = join "\n", $server->error_log, $info,
        $server->get('/wheel-status?json')->body,
        $server->get('/wheel-status?cluster')->body,
        map { slurp("/proc/$_/cmdline") } $server->pid, $server->children;
    unlike $shown, qr/\Q$secret\E|\Q$coded\E|sesame/,
        'the password is shown nowhere';
}
like $in_url->get('/server-info?config')->body, qr{redis://\*{8}\@127},
    'mod_info has stars in its place';

# However it is written.
my $dumped = 0;
for my $url (
    "redis://wheel:sesame\@127.0.0.1:$port",
    "\"redis://wheel:s\\\"sesame\@127.0.0.1:$port\"",
    "'redis://wheel:s\\'sesame\@127.0.0.1:$port'",
    "redis://wheel:s\@sesame:sesame\@127.0.0.1:$port/0",
    "\"redis://:se sesame\@127.0.0.1:$port\"",
    "redis://127.0.0.1:$port/0?x=sesame",
    "redis://wheel:sesame/0",
    "redis://[::1]sesame:$port",
    "redis://wheel:a/sesame\@127.0.0.1:$port",
    "redis://sesame\@127.0.0.1:$port",
    "unix:/run/wheel:sesame\@run/redis.sock",
    )
{
    my $server = host('dump', $url, '');
    my ($code, $said) = $server->check('-D', 'DUMP_CONFIG');
    $dumped += $said =~ m{^\s*WheelCluster redis://\*+\@127\.0\.0\.1:\d}m;
    unlike $said, qr/sesame/, "-D DUMP_CONFIG shows no password of $url";
}
is $dumped, 7, 'but the rest of those that are right';

# A heartbeat that Redis has refused is sent again, and not with the one that is
# sent each minute.
$redis->command(ACL => SETUSER => 'wheel', '-hset');
my ($id) = grep {m{^url/}} @{ $redis->command(HKEYS => 'wheel:hosts') };
$redis->command($_->[0] => "wheel:$_->[1]", $id)
    for ['ZREM', 'live'], ['HDEL', 'hosts'];
ok $in_url->logs(qr/NOPERM/), 'a host logs that its heartbeat was refused';
$redis->command(ACL => SETUSER => 'wheel', '+hset');
ok wait_until(sub { $redis->command(HEXISTS => 'wheel:hosts', $id) }, 20),
    'and sends it again';

# A server that is no Redis, or has no AUTH, repeats what it was sent.
my $mute = WheelRedis->started(config => { 'rename-command' => [qw(AUTH x)] });
my $echoed = host('echoed', "redis://wheel:sesame\@127.0.0.1:@{[$mute->port]}",
    '');
ok $echoed->start, 'a host starts whose Redis knows no AUTH';
ok $echoed->logs(qr/WH0085: .*: ERR;/), 'and logs that';
unlike $echoed->error_log, qr/sesame/, 'but not the password in the error';

# A host that has the wrong one.
spew($file, "wrong\n");
my $wrong = host('wrong', "redis://127.0.0.1:$port",
    "user=wheel password-file=$file");
ok $wrong->start, 'a host with the wrong password starts';
$wrong->rotate(1);
$stop = $wrong->get('/stop');
is $stop->status, 502, 'but its stops reach no other host, as it says';
ok $wrong->logs(qr/WH0085: .*WRONGPASS/),
    'and logs why';
