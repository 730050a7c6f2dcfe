# SPDX-License-Identifier: Apache-2.0
# A handler that calls on with a job of its own which has ended reaches no other
# job: the slot is another one's by then.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 5, need_module 'wheel';

my $server = WheelServer->started(
    config => user_modules('test_job') . <<'END');
<Location "/job">
    SetHandler test-job
</Location>
END

my $late = $server->begin(GET => '/job/own-late');
ok wait_until { $server->status->{totals}{ended}{finished} },
    'a handler ends its job, and goes on';
my ($wheel) = $server->rotate(1, '/rotate/red');
spew($server->dir . '/htdocs/go', '');
is await($late), 1, 'it calls on with the job';
like $late->body,
    qr/^look=1 stopped=1 end=1 done=0 rv=0 end=0 .* result=nothing$/,
    'which has ended as it did, and takes nothing more';
my @left = map {"$_->{name} $_->{state}"} $server->running;
is "@left", 'red rotating', 'the wheel in its slot goes on';
$server->get('/stop/red');
await($wheel);
is $wheel->header('Wheel-Stopped-By'), 'stop', 'and ends by its stop';
