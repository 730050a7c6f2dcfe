# SPDX-License-Identifier: Apache-2.0
# A job that runs in its own worker is listed, and is ended by a stop, its
# deadline, its client and the server, as a job with a companion is, as long as
# it polls its cancel flag.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect thread_policy wait_until);

plan tests => 16, need_module 'wheel';

my $server = WheelServer->started(threads => 8,
    config => user_modules(qw(test_job gaps)) . <<'END');
WheelScheduling normal
<Location "/job">
    SetHandler test-job
</Location>
<Location "/gaps">
    SetHandler gaps
</Location>
<Location "/brief">
    SetHandler test-job
    WheelTimeout 50ms
</Location>
END

my $own = $server->begin(GET => '/job/own-spin?9');
my ($job) = wait_until { my @all = $server->rotating; $all[0] };
is $job->{name}, 'foreign', 'it is listed by its name';
is thread_policy(@{$job}{qw(pid thread)}), 'normal',
    'and its thread is one of the MPM';
ok wait_until { ($server->rotating)[0]{number} == 9 }, 'with what it shows';

my @beside = $server->rotate(5);
is $server->get('/stop')->header('Wheel-Stopped'), 6, 'a stop reaches it';
is await($own, @beside), 6, 'and all the wheels beside it';
like $own->body, qr/^rv=0 end=2 refusal=0 .* value=9/, 'it says that it was';
ok wait_until { !$server->running }, 'nothing of it is left';

like $server->get('/brief/own-spin')->body, qr/ end=3 /, 'a deadline ends it';

my $gone = $server->begin(GET => '/job/own-spin');
$server->wait_rotating(1);
close $gone->socket;
ok wait_until { $server->status->{totals}{ended}{gone} }, 'so does its client';

# Once an answer has begun, no interim one can tell whether a client that shuts
# its sending side still reads: it counts as gone, and gets what there is.
my $stream = $server->begin(GET => '/gaps');
wait_until { collect(0, $stream); $stream->{bytes} =~ /after 113/ };
shutdown $stream->socket, 1;
is await($stream), 1, 'a client that closes one side ends a stream';
like $stream->body, qr/\A1 after 2\n.*\n# \d+ gaps up to \d+: gone\n\z/s,
    'and gets it whole, with no other answer within';

# Nor where the answer has no body.
my $client = WheelClient->new($server->port);
my $bytes  = '';
$client->send($client->head(HEAD => '/gaps'));
wait_until { grep { $_->{turns} } $server->rotating };
$client->vanish('half close');
wait_until {
    my $read = sysread $client->socket, $bytes, 65536, length $bytes;
    defined $read && $read == 0;
};
is $bytes =~ s/\r\n.*?\r\n\r\n//sr, 'HTTP/1.1 200 OK',
    'nor where the answer has no body';

is $server->get('/job/own-forgets')->status, 200, 'a handler may forget to end';
ok wait_until { !$server->running && $server->status->{totals}{ended}{finished} },
    'and its job ends with its request';

like $server->get('/job/own-memory')->body, qr/^aligned=8 /,
    'the memory of each is aligned for any type';

$own = $server->begin(GET => '/job/own-spin');
$server->wait_rotating(1) or die "no job turns\n";
$server->signal('TERM');
await($own);
# worker and event have closed its connection before it ends.
$server->mpm eq 'prefork'
    ? like $own->body // '', qr/ end=5 /, 'TERM ends it, and says so'
    : ok $own->done, 'TERM ends it';
