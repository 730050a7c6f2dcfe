# SPDX-License-Identifier: Apache-2.0
# Each host of a cluster shows all hosts, with their wheels and limits, as a
# page and as JSON; one that is gone is shown as missing, and none is invented.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(kill_hard);
use WheelMetrics qw(schema_errors);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 31, need_module 'wheel';

my $redis = WheelRedis->started;
my %server = map {
    $_ => WheelServer->started(
        config => $redis->host_config($_) . "WheelMax 7\n")
} qw(one two);

# All hosts as this one shows them, by their names.
sub hosts {
    my ($name) = @_;
    my $status = $server{$name}->get('/wheel-status?cluster&json')->json;
    return { map { $_->{host} => $_ } @{ $status->{hosts} } };
}

ok wait_until { 2 == keys %{ hosts('one') } }, 'one host shows both';
my @wheels = ($server{one}->rotate(1, '/rotate/red'), $server{two}->rotate(2));
my $seen;
ok wait_until {
    $seen = hosts('one');
    my $two = $seen->{two};
    $two && $two->{state} eq 'live' && $two->{jobs}{rotating} == 2;
}, 'and soon what begins on the other';
ok $seen->{one}{own}, 'it knows which one it is itself';
ok !$seen->{two}{own}, 'and which one it is not';
is $seen->{one}{jobs}{rotating}, 1, 'its own wheels are counted';
is $seen->{one}{running}[0]{name}, 'red', 'and told of, by name';
is_deeply [sort map { $_->{id} } @{ $seen->{two}{running} }],
    [sort map { $_->{id} } $server{two}->rotating],
    'the wheels of the other host have the ids that they have there';
is $seen->{two}{limits}{wheel_max}, 7, 'its limits are told';
is $seen->{two}{state}, 'live', 'and that it lives';

is schema_errors($server{one}->get('/wheel-status?json')->body), '',
    'the status of one host fits its schema';

my $page;
my $live = qr{<th scope="row">one</th><td>live</td>};
wait_until {
    $page = $server{two}->get('/wheel-status?cluster');
    $page->body =~ $live && $page->body =~ /red/;
};
is $page->status, 200, 'there is a page of all hosts';
like $page->body, $live, 'with the other host';
like $page->body, qr{<td>red</td>}, 'and its wheel';
like $server{two}->get('/wheel-status')->body, qr/href="\?cluster"/,
    'the page of one host leads there';

# What somebody else writes into Redis.
$redis->command(ZADD => 'wheel:live', time . '000', '<b>evil</b>/00');
my $odd = 0;
for my $beat ('', 'null', '{', '[]', '{"mpm":1}') {
    $redis->command(HSET => 'wheel:hosts', '<b>evil</b>/00', $beat);
    $odd += $server{one}->get('/wheel-status?cluster')->status == 200;
}
is $odd, 5, 'what is no JSON of a host does no harm';
my $wheel = '{"id":1,"name":"<u>","client":"<u>","started":1}';
sub tell_evil {
    my ($wheels) = @_;
    $redis->command(HSET => 'wheel:hosts', '<b>evil</b>/00', <<"END");
{"mpm":"<i>","generation":0,"limits":{"wheel_max":1,"wheel_reserve":1,
"wheel_max_per_client":0},"jobs":{"rotating":1,"stopping":0,"draining":0},
"running":[$wheels]}
END
    return hosts('one')->{'<b>evil</b>'};
}
for my $wheels ('7', '{}', $wheel =~ s/1,/"1",/r, $wheel =~ s/1}/1e300}/r,
    $wheel =~ s/<u>/'x' x 100/er, join(',', ($wheel) x 65))
{
    is_deeply tell_evil($wheels)->{running}, [],
        'a heartbeat with a job that cannot be is not believed';
}
is tell_evil($wheel)->{running}[0]{name}, '<u>', 'one that can be is';
$page = $server{one}->get('/wheel-status?cluster');
like $page->body, qr/&lt;b&gt;evil/, 'a host with an odd name is shown';
unlike $page->body, qr/<[bui]>/, 'but escaped, and so is all that it tells';
$redis->command(ZREM => 'wheel:live', '<b>evil</b>/00');

# As if it had been gone for ten seconds.
kill_hard($server{two}->pid, $server{two}->children);
$server{two}->stop;
my ($id) = grep {/^two/} @{ $redis->command(ZRANGE => 'wheel:live', 0, -1) };
$redis->command(ZINCRBY => 'wheel:live', -10_000, $id);
ok wait_until { (hosts('one')->{two}{state} // '') eq 'missing' },
    'a host that is gone is soon shown as missing';
$server{two}->start;
ok wait_until { (hosts('one')->{two}{state} // '') eq 'live' },
    'and as living when it is back';
is keys %{ hosts('one') }, 2, 'once';

$redis->kill_hard;
my $alone = $server{one}->get('/wheel-status?cluster&json')->json;
is_deeply [map { $_->{host} } @{ $alone->{hosts} }], ['one'],
    'without Redis, a host shows itself';
like $alone->{problem}, qr/no connection/, 'and says why no other one';

is $server{one}->get('/wheel-status?cluster&openmetrics')->status, 400,
    'there are no metrics of all hosts';
like $server{one}->get('/wheel-status?openmetrics')->body,
    qr/^wheel_cluster_linked [01]\n/m, 'but of how a host stands in it';
