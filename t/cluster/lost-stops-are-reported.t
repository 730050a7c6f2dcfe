# SPDX-License-Identifier: Apache-2.0
# A host whose place in the stream of stops is gone (trimmed, or Redis is back
# with older data) says so in the error log and counts it.  By lost= its wheels
# turn on or stop; the next stop reaches them in any case.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 22, need_module 'wheel';

my $redis = WheelRedis->started;
my ($keeps, $stops) = map {
    WheelServer->started(config => $redis->host_config($_, "lost=$_"))
} qw(keep stop);
my @both = ($keeps, $stops);

sub stand { return $_[0]->status->{cluster} }

# Cut all connections, and change the stream before they are back.
sub behind_their_back {
    my @links = map { stand($_)->{links} } @both;
    my @cli = $redis->cli;
    open my $cli, '|-', "@cli >/dev/null"
        or die "redis-cli: $!\n";
    print {$cli} map {"$_\n"} 'MULTI', 'CLIENT KILL TYPE normal SKIPME yes',
        @_, 'EXEC';
    close $cli or die "redis-cli failed\n";
    return wait_until {
        !grep { my $now = stand($both[$_]);
            !$now->{linked} || $now->{links} == $links[$_] } 0, 1
    };
}

my $entry = 'host else/00 stop 0 filter';
ok wait_until { 2 == grep { stand($_)->{linked} } @both }, 'both hosts read';
$keeps->get('/stop');
ok wait_until { stand($stops)->{applied} == 1 }, 'and have applied a stop';

# Nothing is lost as long as the last entry is there.
my @wheels = map { $_->rotate(1) } @both;
ok behind_their_back("XADD wheel * $entry name=none",
    "XADD wheel * $entry name=neither"), 'connections break, and come back';
ok wait_until { stand($stops)->{applied} == 3 }, 'what was missed is applied';
is stand($_)->{lost}, 0, 'nothing is lost' for @both;

# Trimmed past them, out of order, and with older data.
my $lost = 0;
for (
    ['trimmed', 'trimmed or deleted before',
        "XADD wheel * $entry name=none", "XADD wheel * $entry name=none",
        'XTRIM wheel MAXLEN 1'],
    ['older', 'the stream ends at 1-1',
        'DEL wheel', "XADD wheel 1-1 $entry ''"],
    # The other host may have begun a new one.
    ['empty', 'the stream is gone|has begun anew', 'DEL wheel'],
    )
{
    my ($what, $words, @commands) = @$_;
    if ($what eq 'empty') {
        # Redis had a wrong clock, and what comes now has smaller ids.
        my $before = stand($stops)->{applied};
        $redis->command(XADD => 'wheel', '99999999999999-1',
            split(/ /, $entry), 'name=none');
        wait_until { stand($stops)->{applied} > $before };
    }
    ok behind_their_back(@commands), "$what: both hosts read again";
    $lost++;
    wait_until { !grep { stand($_)->{lost} != $lost } @both };
    is_deeply [map { stand($_)->{lost} } @both], [$lost, $lost],
        "$what: both have noticed";
    ok $keeps->logs(qr/\[wheel:error\].*WH0086: .*(?:$words)/),
        "$what: the error log tells why";
    if ($lost == 1) {
        is await($wheels[1]), 1, 'lost=stop has stopped the wheel';
        is $keeps->rotating, 1, 'lost=keep has not';
    }
    elsif ($lost == 2) {
        is $keeps->rotating, 1, 'an old stop is not applied again';
    }
}

# An entry that this version can't read stops nothing.
$redis->command(XADD => 'wheel', '*', split(/ /, $entry), 'color=red');
ok $keeps->logs(qr/WH0088: .*color/),
    'a filter that is not known is an error';
is $keeps->rotating, 1, 'and stops nothing';
my ($other) = $stops->rotate(1);
is $stops->get('/stop')->header('Wheel-Stopped'), 2, 'a stop works as ever';
is await($wheels[0], $other), 2, 'on both hosts';
