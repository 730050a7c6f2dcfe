# SPDX-License-Identifier: Apache-2.0
# What HTTP/2 pushes to a client is asked for by nobody: it stops nothing.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(http2_config);
use WheelPlan;
use WheelServer ();

plan tests => 5, need 'wheel',
    { 'HTTP/2 needs threads' => sub { WheelServer::mpm() ne 'prefork' } };

my $server = WheelServer->started(config => http2_config() . <<'END');
<Location "/index.html">
    H2PushResource /stop
</Location>
END
my $base   = 'http://127.0.0.1:' . $server->port;
my ($wheel) = $server->rotate(1);
my $seen   = seen("$base/index.html");
like $seen, qr/PUSH_PROMISE/, 'a stop is pushed';
like $seen, qr/:status: 403/, 'and refused';
is $server->rotating, 1, 'the wheel goes on';
unlike seen("$base/stop"), qr/:status: 403/, 'a request for it is not';
is $server->rotating, 0, 'and stops it';

# What a client sees.
sub seen {
    my ($url) = @_;
    open my $in, '-|', "timeout 60 nghttp -v $url 2>&1" or die "nghttp: $!\n";
    local $/ = undef;
    return scalar <$in>;
}
