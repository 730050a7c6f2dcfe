# SPDX-License-Identifier: Apache-2.0
# /stop?id=N&step=... takes one step with one request: cut, cooldown or drain.  It
# is refused for anything that is not exactly one id, and where the step can't be
# had, with the reason.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(listed load_modules);
use WheelServer ();
use WheelTest qw(await thread_policy wait_until);

my @wrong = (
    ['step=drain',               400, 'a step is for one request'],
    ['path=/loop&step=drain',    400, 'no other filter'],
    ['id=ID&path=/x&step=drain', 400, 'no other filter'],
    ['id=ID&kind=request&step=drain', 400, 'no other filter'],
    ['id=ID&step=drain&dry',     400, 'give step'],
    ['id=ID&step=drain&wait=1',  400, 'give step'],
    ['id=ID&step=drain&step=cut', 400, 'twice|once'],
    ['id=ID&step=refuse',        400, 'one of: cut, cooldown, drain'],
    ['id=ID&step=',              400, 'one of: cut, cooldown, drain'],
    ['id=ID&step=kill%0a',       400, 'one of: cut, cooldown, drain'],
    ['id=1&step=drain',          404, 'the id 1: it has ended'],
);
plan tests => 2 * @wrong + 23, need_module 'wheel', 'proxy', 'proxy_ajp',
    { 'root alone has the privilege' => sub { $> == 0 } };

# It takes connections and says nothing.
my $silent = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 8
) or die "$!\n";
my $server = WheelServer->started(
    processes => 1, threads => 12, spare => 12,
    config    => user_modules('test_loop') . load_modules('proxy', 'proxy_ajp')
        . <<"END");
ProxyPass /ajp/ ajp://127.0.0.1:@{[$silent->sockport]}/
WheelRequests on slow=50ms
WheelPrivileged cut cooldown
<Location "/loop">
    SetHandler test-loop
</Location>
END

my $loop = $server->begin(GET => '/loop?until');
my $row  = listed($server, '/loop');
for my $case (@wrong) {
    my ($query, $status, $words) = @$case;
    my $answer = $server->post('/stop?' . $query =~ s/ID/$row->{id}/r);
    is $answer->status, $status, "$query is refused";
    like $answer->json->{detail}, qr/$words/, 'and why';
}
is $server->post("/stop/red?id=$row->{id}&step=drain")->status, 400,
    'so is a name with an id';
is_deeply [@{ listed($server, '/loop') }{qw(stopped_by step)}], [undef, undef],
    'none of them has touched the request';

# Cool down.
my $answer = $server->post("/stop?id=$row->{id}&step=cooldown");
is $answer->status, 200, 'a request is cooled down';
is_deeply $answer->json, {
    id => $row->{id}, pid => $row->{pid}, thread => $row->{thread},
    step => 'cooldown', outcome => 'cooling down'
}, 'which the answer says';
$row = listed($server, '/loop', sub { ($_[0]{step} // '') eq 'cooldown' });
is $row->{stopped_by}, undef, 'and the status; it is not stopped';
ok $server->logs(qr/WH0125: cooldown of request $row->{id} in process/),
    'the log has who asked';
ok $server->logs(qr/WH0105: request $row->{id} .*; step: cooldown$/m),
    'and the step';
spew("@{[$server->dir]}/htdocs/end", '');
await($loop);
is $loop->body, "done\n", 'its client gets the answer';

# Cut.
my $waits = $server->begin(GET => '/ajp/');
$row = listed($server, '/ajp/');
$answer = $server->post("/stop?id=$row->{id}&step=cut");
is $answer->json->{outcome}, 'cutting', 'one that waits for a backend is cut';
await($waits);
is $waits->status, 503, 'and its client is told';
is $waits->json->{detail}, "request $row->{id} was stopped", 'why';

# Drain.
$server->begin(GET => '/loop');
$row = listed($server, '/loop');
$answer = $server->post("/stop?id=$row->{id}&step=drain");
is $answer->json->{outcome}, 'draining', 'one that nothing ends is drained';
my ($asked, $reached) = (0, 0);
ok wait_until {
    $asked++;
    $reached += ($server->get('/')->status // 0) == 200;
    !grep { $_->{id} == $row->{id} } @{ $server->status->{requests} };
}, 'then it has ended';
is $reached, $asked, 'and whoever came meanwhile was answered';
ok $server->logs(qr/WH0106: process $row->{pid} .*: nothing else is left/),
    'nobody has waited for connections that were closed long ago';

# Without the privilege, and by a page of another site.
# event's parent has started one more process than it allows, and tells as many
# as it allows to end: it would wait ten seconds for the other.
$server->stop(0);
$server->configure(config => user_modules('test_loop') . <<'END');
WheelRequests on slow=50ms
<Location "/loop">
    SetHandler test-loop
</Location>
END
$server->start or die $server->error_log;
$loop = $server->begin(GET => '/loop?sleep');
$row  = listed($server, '/loop');
for my $step (qw(cut cooldown)) {
    $answer = $server->post("/stop?id=$row->{id}&step=$step");
    is $answer->status, 503, "$step can't be had";
    is $answer->header('Content-Type'), 'application/problem+json',
        'which is a problem';
    is $answer->json->{detail}, "WheelPrivileged $step is not set", 'and why';
}
$answer = $server->post("/stop?id=$row->{id}&step=drain",
    headers => [Origin => 'http://example.com']);
is $answer->status, 403, 'a page of another site is refused';
is listed($server, '/loop')->{stopped_by}, undef, 'and stops nothing';
