# SPDX-License-Identifier: Apache-2.0
# A stop of a request over HTTP/2 resets its stream, or answers there, and
# leaves the others of its connection alone.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(http2_config);
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(cgi_config listed listed_sending);
use WheelServer ();

plan tests => 10, need 'wheel',
    { 'HTTP/2 needs threads' => sub { WheelServer::mpm() ne 'prefork' } };

my $server = WheelServer->new;
$server->configure(config => user_modules('test_busy') . http2_config()
        . cgi_config($server,
            head => 'echo Content-Type: text/plain; echo; sleep 0.3; echo begun; '
                . 'sleep 600')
        . <<'END');
WheelRequests on slow=100ms
<Location "/busy">
    SetHandler test-busy
</Location>
END
$server->start or die $server->error_log;
my $end  = $server->dir . '/htdocs/end';
my $base = 'http://127.0.0.1:' . $server->port;

my $cut = stopped('/busy?write', \&listed_sending);
like $cut, qr/recv RST_STREAM/, 'a part of an answer is reset';
like $cut, qr/^hello$/m, 'the other stream has its answer';
unlike $cut, qr/recv GOAWAY.*error_code=[A-Z]*ERROR/s,
    'and the connection no error';
my $script = stopped('/cgi/head', \&listed_sending);
like $script, qr/^begun$/m, 'what a script has sent is listed';
like $script, qr/recv RST_STREAM/, 'a part of that is reset, too';
my $told = stopped('/busy?deaf', \&listed);
like $told, qr/:status: 503/, 'where nothing was sent, it is told';
like $told, qr/wheel-stopped-by: stop/, 'and why';
like $told, qr/^hello$/m, 'the other stream has its answer';
is $server->get('/')->body, "hello\n", 'the server goes on';
is scalar(grep {/exit signal/} split /\n/, $server->error_log), 0,
    'and no child has died';

# What a client sees of two streams, of which one is stopped.
sub stopped {
    my ($target, $listed) = @_;
    open my $in, '-|', "timeout 60 nghttp -v $base$target $base/ 2>&1"
        or die "nghttp: $!\n";
    my $row = $listed->($server, $target =~ s/\?.*//r) or die "not listed\n";
    $server->get("/stop?id=$row->{id}");
    spew($end, ''); # for a handler that looks at nothing
    my $all = do { local $/ = undef; <$in> };
    unlink $end;
    return $all;
}
