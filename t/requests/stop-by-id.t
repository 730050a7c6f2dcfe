# SPDX-License-Identifier: Apache-2.0
# WheelRequests on: a request of a module that knows nothing of jobs is listed
# once it takes longer than slow=, and a stop by its id ends it.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(listed listed_sending);
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 33, need_module 'wheel';

my $modules = user_modules('test_busy');
my $server  = WheelServer->started(config => <<"END");
$modules
WheelRequests on slow=100ms
LogFormat "%U %>s %{wheel-id}n %{wheel-stopped-by}n" stopped
CustomLog stopped stopped
<Location "/busy">
    SetHandler test-busy
</Location>
<Location "/off">
    SetHandler test-busy
    WheelRequests off
</Location>
END
spew_file('big', 'x' x 70_000);

is $server->get('/')->body, "hello\n", 'a quick request is as ever';
is length $server->get('/big')->body, 70_000, 'a larger one, too';
is_deeply $server->status->{requests}, [], 'and neither is listed';

# Its handler waits for a body that doesn't come.
my $busy = $server->begin(POST => '/busy?body&token=secret',
    headers => ['Content-Length' => 10]);
my $row  = listed($server, '/busy');
ok $row, 'a slow request is listed';
is_deeply [@$row{qw(method handler client state stopped_by sent_bytes)}],
    ['POST', 'test-busy', '127.0.0.1', 'reading', undef, 0], 'with its facts';
unlike $server->get('/wheel-status?json')->body, qr/secret/,
    'but without its query';
like $server->get('/wheel-status')->body, qr{<td>/busy</td>},
    'the page has it';
like $server->get('/wheel-status?auto')->body,
    qr{^WheelRequest: id=$row->{id} method=POST .* path=/busy }m,
    'and the lines for monitors';
is $server->get('/stop')->status, 200, 'a stop of all wheels';
is $server->get('/stop/busy')->status, 404, 'or of a name';
ok listed($server, '/busy'), 'does not reach it';
is $server->get("/stop?id=$row->{id}&dry")->json->{wheels}[0]{handler},
    'test-busy', 'a dry stop tells which it would be';
is $server->get("/stop?id=$row->{id}")->status, 200, 'a stop by its id does';
is await($busy), 1, 'the request ends';
is $busy->status, 503, 'as stopped';
like $busy->body, qr/"detail":"request $row->{id} was stopped"/,
    'by a problem that names it';
ok wait_until { !@{ $server->status->{requests} } }, 'it is no longer listed';
ok wait_until {
    $server->file_text('stopped') =~ m{^/busy 503 $row->{id} stop$}m;
}, 'the access log has its id';

# Where a part has been sent, the rest is missing.
my $writer = $server->begin(GET => '/busy?write');
$server->get("/stop?id=@{[listed_sending($server, '/busy')->{id}]}");
await($writer);
ok $writer->status == 200 && !defined $writer->body,
    'an answer under way is cut, and its last chunk never comes';

# One that neither reads nor writes goes on, and that is said.
my $deaf = $server->begin(GET => '/busy?deaf');
listed($server, '/busy');
is $server->get("/stop?id=@{[listed($server, '/busy')->{id}]}&wait=0.1&json")
    ->json->{wheels}[0]{outcome}, 'running',
    'one that neither reads nor writes runs on, as the stop says';
is listed($server, '/busy')->{stopped_by}, 'stop', 'and the status';
my $again = $server->get("/stop?id=@{[listed($server, '/busy')->{id}]}&json");
is_deeply [$again->status, $again->json->{stopped},
    map { $_->{outcome} } @{ $again->json->{wheels} }],
    [200, 0, 'stopping'], 'a stop that is repeated says that it is ending';
is $server->get('/stop?path=/busy')->header('Wheel-Stopped'), 0,
    'and does not count it';
is $server->get('/stop?path=/busy&wait=0.1&json')->json->{wheels}[0]{outcome},
    'running', 'it can be waited for';
end_requests($deaf);
is $deaf->status, 503, 'its answer is refused when it comes';
ok wait_until { $server->get('/stop?path=/busy')->status == 404 },
    'then there is none';

my @both = map { $server->begin(GET => $_) } '/off?wait', '/busy?wait';
listed($server, '/busy');
is_deeply [map { $_->{path} } @{ $server->status->{requests} }], ['/busy'],
    'a location that is switched off has no jobs';
is end_requests(@both), 2, 'and its requests are answered as others';
is $server->get('/')->body, "hello\n", 'and the server goes on';

like $server->get('/wheel-status?openmetrics')->body,
    qr/^wheel_requests_stopped_total\{by="stop"\} 3$/m,
    'metrics count requests that were stopped';
my @busy = map { $server->begin(GET => "/busy?$_") } qw(wait deaf);
wait_until {
    my @cpu = map { $_->{cpu} }
        grep { $_->{path} eq '/busy' } @{ $server->status->{requests} };
    @cpu == 2 && "@cpu" =~ /[1-9]/ && abs($cpu[0] - $cpu[1]) > 0.1;
};
my @cpu = map { $_->{cpu} }
    @{ $server->get('/wheel-status?json&sort=cpu&path=/busy')->json->{requests} };
cmp_ok $cpu[0], '>', $cpu[1], 'the busiest comes first, if asked for';
is $server->get('/wheel-status?sort=size')->status, 400,
    'nothing else is a way to sort';
is $server->get('/stop?path=/bu*&method=GET')->header('Wheel-Stopped'), 2,
    'a stop by path and method reaches both';
end_requests(@busy);

# Those that wait or compute; returns how many are answered.
sub end_requests {
    my $end      = spew_file('end', '');
    my $answered = await(@_);
    unlink $end or die "$end: $!\n";
    return $answered;
}

sub spew_file {
    my ($name, $text) = @_;
    return spew("$server->{dir}/htdocs/$name", $text);
}
