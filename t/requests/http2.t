# SPDX-License-Identifier: Apache-2.0
# A stop of a request over HTTP/2 resets its stream, or answers there, and
# leaves the others of its connection alone.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(http2_config);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();

plan tests => 8, need 'wheel',
    { 'HTTP/2 needs threads' => sub { WheelServer::mpm() ne 'prefork' } };

my $server = WheelServer->started(
    config => user_modules('test_busy') . http2_config() . <<'END');
WheelRequests on slow=100ms
<Location "/busy">
    SetHandler test-busy
</Location>
END
my $base = 'http://127.0.0.1:' . $server->port;

my $cut = stopped('write');
like $cut, qr/recv RST_STREAM/, 'a part of an answer is reset';
like $cut, qr/^hello$/m, 'the other stream has its answer';
unlike $cut, qr/recv GOAWAY.*error_code=[A-Z]*ERROR/s,
    'and the connection no error';
my $told = stopped('deaf=1');
like $told, qr/:status: 503/, 'where nothing was sent, it is told';
like $told, qr/wheel-stopped-by: stop/, 'and why';
like $told, qr/^hello$/m, 'the other stream has its answer';
is $server->get('/')->body, "hello\n", 'the server goes on';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'and no child has died';

# What a client sees of two streams, of which one is stopped.
sub stopped {
    my ($what) = @_;
    open my $in, '-|', "timeout 60 nghttp -v $base/busy?$what $base/ 2>&1"
        or die "nghttp: $!\n";
    my $row = listed($server, '/busy') or die "not listed\n";
    $server->get("/stop?id=$row->{id}");
    local $/ = undef;
    return scalar <$in>;
}
