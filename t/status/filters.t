# SPDX-License-Identifier: Apache-2.0
# The status takes the filters of a stop, in every form that lists wheels:
# running and recent ones.  Its counts are of all wheels, and metrics, which
# only count, take none.
#
# Under one MPM: it has no part in what a filter selects.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelMetrics qw(schema_errors);
use WheelPlan;
use WheelTest qw(await);

my @wrong = (
    ['?name='                  => 'name: '],
    ['?json&older=1h'          => 'older: .*1h'],
    ['?name=a&name=b'          => 'name.*twice'],
    ['?dry'                    => 'dry.*name, id, client, handler, older, path'],
    ['?openmetrics&name=red'   => 'metrics count all wheels'],
);
plan tests => 2 * @wrong + 19, need_module 'wheel';

my $server = WheelTest->shared;
$server->get('/rotate/redder?wait=0');
$server->get('/rotate/blue?wait=0');
my @wheels = map { $server->rotate(1, "/rotate/$_") } qw(red blue);
push @wheels, WheelClient->new($server->port, from => '127.0.0.2')
    ->ask(GET => '/rotate/red.2', headers => [Connection => 'close']);
$server->wait_rotating(3);

my $all = $server->status;
is $all->{filter}, undef, 'without a filter, the status says that it has none';
my $red = look('name=red*');
is $red->{filter}, 'name=red*', 'with one, which';
is names($red->{running}), 'red red.2', 'and lists the running that it means';
is names([grep { $_->{name} =~ /^blue/ } @{ $red->{recent} }]), '',
    'and of the recent no other';
like names($red->{recent}), qr/^redder/, 'but those that it means';
is_deeply $red->{jobs}, $all->{jobs}, 'wheels in each state are of all';
is $red->{totals}{started}, $all->{totals}{started}, 'and so are totals';

is names(look('client=127.0.0.2')->{running}), 'red.2', 'by client';
is names(look("id=$all->{running}[1]{id}")->{running}), 'blue', 'by id';
is names(look('handler=wheel-rotate')->{running}), 'red blue red.2',
    'by handler';
is names(look('handler=wheel-rotate&name=red*&client=127.0.0.1')->{running}),
    'red', 'by all of them';
is names(look('older=3600')->{running}), '', 'by age';
is_deeply [map { $_->{handler} } @{ $all->{running} }],
    [('wheel-rotate') x 3], 'each tells its handler';
my $text = $server->get('/wheel-status?json&older=0.5&client=%3a%3a1')->body;
is schema_errors($text), '', 'the filtered status fits the schema';

my $lines = $server->get('/wheel-status?auto&name=blue')->body;
is join(' ', $lines =~ /^WheelRunning: .* name=(\S+)/mg), 'blue',
    'lines of text list what is meant';
like $lines, qr/^WheelFilter: name=blue$/m, 'and say by which filter';
my $page = $server->get('/wheel-status?name=red*&client=127.0.0.1')->body;
is join(' ', $page =~ m{<td>(red|red\.2|blue)</td>.*rotating}g), 'red',
    'so does the page';
is join(' ', $page =~ m{href="\?(?:json|auto|refresh=2)([^"]*)"}g),
    join(' ', ('&amp;name=red*&amp;client=127.0.0.1') x 3),
    'whose links keep the filter';

for my $row (@wrong) {
    my ($query, $told) = @$row;
    my $answer = $server->get("/wheel-status$query");
    is $answer->status, 400, "$query is refused";
    like $answer->json->{detail}, qr/$told/, 'and the problem says why';
}
$server->end_wheels;
is await(@wheels), 3, 'each wheel has its number';

sub look {
    my ($query) = @_;
    return $server->get("/wheel-status?json&$query")->json;
}

sub names {
    my ($jobs) = @_;
    return join ' ', map { $_->{name} // 'none' } @$jobs;
}
