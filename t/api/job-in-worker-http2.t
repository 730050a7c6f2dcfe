# SPDX-License-Identifier: Apache-2.0
# Over HTTP/2, too, a job that runs in its worker streams its answer, is stopped
# in the middle of it, and ends with its client.  A job that its request runs
# within it takes no further worker, and is not refused.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(http2_config);
use WheelHttp2 ();
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

my @ways = ('reset', 'close', 'half close', 'RST_STREAM');
plan tests => 6 + 2 * @ways, need 'wheel',
    { 'mod_http2 refuses prefork' => sub { WheelServer::mpm() ne 'prefork' } };

my $server = WheelServer->started(threads => 8,
    config => user_modules(qw(gaps test_job)) . http2_config() . <<'END');
<Location "/gaps">
    SetHandler gaps
</Location>
<Location "/job">
    SetHandler test-job
</Location>
END

my ($client, $stream) = streaming();
ok $client, 'a stream comes while it is computed';
is $server->get('/stop')->header('Wheel-Stopped'), 1, 'a stop reaches it';
ok $client->await($stream), 'it ends';
like $client->answer($stream)->{body},
    qr/\A1 after 2\n.*^# \d+ gaps up to \d+: stop\n\z/ms,
    'with what it had, and that it was stopped';

for my $way (@ways) {
    my $gone = ended('gone');
    ($client, $stream) = streaming();
    $way eq 'RST_STREAM' ? $client->take_back($stream) : $client->vanish($way);
    ok wait_until { !$server->running }, "$way: it ends";
    is ended('gone') - $gone, 1, "$way: because its client is gone";
}

$client = WheelHttp2->new($server->port);
for my $time (qw(once again)) {
    $stream = $client->begin(GET => '/job/own-within');
    $client->await($stream);
    like $client->answer($stream)->{body}, qr/^within=0 /,
        "a job within another of its request: $time";
}

# A client whose answer has begun.
sub streaming {
    my $client = WheelHttp2->new($server->port);
    my $stream = $client->begin(GET => '/gaps');
    wait_until {
        $client->wait_done(0.02, $stream);
        ($client->answer($stream)->{body} // '') =~ /after 113\n/;
    } or return;
    return ($client, $stream);
}

sub ended { return $server->status->{totals}{ended}{ $_[0] } }
