# SPDX-License-Identifier: Apache-2.0
# Whatever another client of Redis writes, trims or deletes, while hosts read:
# no stop is lost in silence, no host stops hearing, none waits for a host that
# never was, and what is no stop stops nothing.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await soonest wait_until);

plan tests => 39, need_module 'wheel';

my $max   = '18446744073709551615-18446744073709551615';
my $redis = WheelRedis->started;
my ($near, $far) = map {
    WheelServer->started(
        config => $redis->host_config($_, 'length=100 lost=keep'))
} qw(near far);
my @both = ($near, $far);

sub stand { return $_[0]->status->{cluster} }
sub lost  { return map { stand($_)->{lost} } @both }

# Run commands as one, so that no host reads in between.
sub at_once {
    my (@commands) = @_;
    my @cli = $redis->cli;
    open my $cli, '|-', "@cli >/dev/null" or die "redis-cli: $!\n";
    print {$cli} map {"$_\n"} 'MULTI', @commands, 'EXEC';
    close $cli or die "redis-cli failed\n";
    return;
}

# Each host has counted one loss more than it had.
sub noticed {
    my (@before) = @_;
    return wait_until {
        my @now = lost();
        $now[0] > $before[0] && $now[1] > $before[1];
    };
}

# A stop from near reaches far, which has one wheel.
sub reaches {
    my ($what) = @_;
    my ($wheel) = $far->rotate(1);
    my $stop = $near->get('/stop?json');
    is_deeply [map {"$_->{host} $_->{outcome} $_->{stopped}"}
            @{ $stop->json->{hosts} }],
        ['near stopped 0', 'far stopped 1'], "$what: a stop reaches far";
    $near->get('/stop');
    await($wheel);
    return;
}

my $entry = 'host else/00 stop 0 filter name=none';
ok wait_until { 2 == grep { stand($_)->{linked} } @both }, 'both hosts read';
reaches('at first');

# --- Entries that are gone before they were read ------------------------------

# No batch is full, no connection breaks.
my $soon = int(time + 30) . '000-1';
my @gone = (
    ['trimmed', ("XADD wheel * $entry") x 3, 'XTRIM wheel MAXLEN 1'],
    ['trimmed to nothing', "XADD wheel * $entry", 'XTRIM wheel MAXLEN 0'],
    ['deleted', "XADD wheel * $entry", "XADD wheel $soon $entry",
        "XDEL wheel $soon"],
    ['begun anew', 'DEL wheel', "XADD wheel * $entry"],
    ['gone', 'DEL wheel'],
    ['renamed', "XADD wheel * $entry", 'RENAME wheel other'],
);
for my $case (@gone) {
    my ($what, @commands) = @$case;
    $near->get('/stop'); # there is a stream
    my @before = lost();
    at_once(@commands);
    ok noticed(@before), "$what: both hosts notice";
    reaches($what);
}

# What was read may go.
my @before = lost();
$near->get('/stop') for 1 .. 3;
wait_until { $redis->command(XLEN => 'wheel') };
$redis->command(XTRIM => 'wheel', 'MAXLEN', 0);
$redis->command(XADD => 'wheel', '*', split / /, $entry);
my $applied = stand($far)->{applied};
reaches('trimmed after it was read');
is_deeply [lost()], \@before, 'and nothing is said to be lost';

# --- An id that no later one can follow ---------------------------------------

my $known = stand($far)->{links};
$redis->command(XADD => 'wheel', $max, split / /, $entry);
is $near->get('/stop')->status, 502, 'no stop follows the highest id';
ok $near->logs(qr/WH0089: .*ahead of Redis' clock/),
    'the log says what is wrong';
$redis->command(DEL => 'wheel');
reaches('when the key is deleted');

# --- Entries that nobody can read ---------------------------------------------

sub reads {
    my ($calls) = $redis->info('commandstats')->{cmdstat_xread} =~ /calls=(\d+)/;
    return $calls;
}

my $had = reads();
$redis->command(EVAL => q{return redis.call('XADD', KEYS[1], '*', 'filter',
    string.rep('x', 70000000))}, 1, 'wheel');
$redis->command(XADD => 'wheel', '*', split / /, $entry);
ok wait_until { 2 == grep { $_->error_log =~ /WH0085: .*delete the key/ } @both },
    'hosts that cannot read on say why';
wait_until { reads() > $had + 4 };
$redis->command(DEL => 'wheel');
ok wait_until { 2 == grep { stand($_)->{linked} } @both },
    'and read again when the key is deleted';
cmp_ok scalar(() = $far->error_log =~ /WH0085: .*delete the key/g), '<=', 2,
    'the log has it once, and not at each attempt';

# --- Hosts that never were ----------------------------------------------------

my @ghosts = (['99999999999999', 'ghost/01'], ['+inf', 'ghost/02'],
    ['9e307', 'ghost/03'], ['1e15', "\x07odd name\xff"]);
$redis->command(ZADD => 'wheel:live', @$_) for @ghosts;
my $stop;
my $took = soonest {
    $stop = $near->get('/stop?json');
    $stop->seconds;
} 4;
is_deeply [sort map { $_->{host} } @{ $stop->json->{hosts} }], [qw(far near)],
    'no stop waits for hosts of the future';
cmp_ok $took, '<', 4, 'nor does it take longer';
my $hosts = $near->get('/wheel-status?cluster&json')->json->{hosts};
is_deeply [sort map { $_->{host} } @$hosts], [qw(far near)],
    'nor does a status show them';
$redis->command(CLIENT => 'KILL', 'TYPE', 'normal');
ok wait_until { 2 == $redis->command(ZCARD => 'wheel:live') },
    'and hosts remove them';

# --- What is no stop ----------------------------------------------------------

my ($wheel) = $far->rotate(1);
my @odd = (
    [host => 'else/00', stop => 'g0',        filter => ''],
    [host => 'else/00', stop => '0' x 33,    filter => ''],
    [host => 'else/00', stop => '0 *',       filter => ''],
    [host => 'else',    stop => '0',         filter => ''],
    [host => 'e' x 160 . '/0', stop => '0',  filter => ''],
    [host => "e\n/0",   stop => '0',         filter => ''],
    [host => 'else/00', stop => '0',         filter => 'name=' . 'x' x 5000],
    [host => 'else/00', stop => '0'],
    [filter => ''],
    [begin => 'else/00'],
);
@before = lost();
$applied = stand($far)->{applied};
$redis->command(XADD => 'wheel', '*', @$_) for @odd;
$redis->command(XADD => 'wheel', '*', split / /, $entry);
ok wait_until { stand($far)->{applied} == $applied + 1 },
    'what is no stop is passed over';
is $far->rotating, 1, 'and stops nothing';
is_deeply [lost()], \@before, 'nor is it taken for a loss';
$near->get('/stop');
is await($wheel), 1, 'the next stop is as ever';

# --- Keys of another kind -----------------------------------------------------

for my $key ('wheel', 'wheel:live', 'wheel:hosts') {
    $redis->command(DEL => $key);
    $redis->command(SET => $key, 'x');
    ok $near->logs(qr/WH008[59]: .*WRONGTYPE/),
        "$key is no such thing: that is logged";
    $redis->command(DEL => $key);
    ok wait_until { 2 == grep { stand($_)->{linked} } @both },
        'and when it is gone, both hosts read';
    wait_until { 2 == $redis->command(ZCARD => 'wheel:live') };
    reaches("after $key");
}
