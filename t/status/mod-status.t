# SPDX-License-Identifier: Apache-2.0
# mod_status shows the wheels in its page and in its lines, whether or not the
# server has a wheel-status of its own.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 14, need_module 'wheel';

my $server = WheelServer->started(addresses => 0, threads => 8, config => <<'END');
WheelMax 3
<Location /turn>
    SetHandler wheel-rotate
</Location>
<Location /halt>
    SetHandler wheel-stop
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END

sub lines {
    return { $server->get('/server-status?auto')->body
            =~ /^(Wheel\w+): (.*)$/mg };
}

wait_until { lines()->{WheelWorkersIdle} >= 15 };
my $before = lines();
is $before->{WheelRotating}, 0, 'no wheel rotates in a new server';
is $before->{WheelStarted}, 0, 'nor did any start';
is $before->{WheelMax}, 3, 'three may';

$server->get('/turn/past?wait=0');
my $wheel = $server->begin(GET => '/turn/present');
ok wait_until { lines()->{WheelRotating} == 1 },
    'one that starts is in the lines of /server-status?auto';
my $after = lines();
is $after->{WheelStarted}, 2, 'and counted beside one that has ended';
is $after->{WheelEndedDeadline}, 1, 'whose end is counted, too';

my $page = $server->get('/server-status');
is $page->status, 200, '/server-status is answered';
my ($section) = $page->body =~ m{<h1>Wheels</h1>(.*)}s;
ok $section, 'and has a section on wheels';
like $section, qr{>present<.*>rotating<}, 'with the one that rotates';
like $section, qr{>past<.*>deadline<}, 'and the one that has ended';

my $plain = $server->get('/server-status?notable')->body;
like $plain, qr{<h1>Wheels</h1>\s*<p>mod_wheel [\d.]+</p>\s*<pre>}, 'without tables when asked to';
like $plain, qr{^WheelRunning: id=\d+ name=present }m,
    'but with the wheel that rotates';

is $server->get('/wheel-status')->status, 404,
    'there is no address that nobody has asked for';
$server->get('/halt');
is await($wheel), 1, 'and the wheel stops';
