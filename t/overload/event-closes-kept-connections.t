# SPDX-License-Identifier: Apache-2.0
# Where wheels hold all workers of a process but one, event takes few more
# connections, and none while even one of these stays.  As long as that is so,
# clients are told to close theirs, and new ones get in.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(sleep);
use WheelClient ();
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

# As many as event takes beside these wheels, with AsyncRequestWorkerFactor 2.
use constant { THREADS => 4, CLIENTS => 3 };

plan WheelServer::mpm() eq 'event' ? (tests => 5, need_module 'wheel')
    : (skip_all => 'only event stops accepting');

my $server = WheelServer->started(
    processes => 1, threads => THREADS,
    config    => "KeepAliveTimeout 60\nMaxKeepAliveRequests 0\n"
);
my @wheels = $server->rotate(THREADS - 1);
is @wheels, THREADS - 1, 'wheels hold all workers but one';

my @clients = map { WheelClient->new($server->port) } 1 .. CLIENTS;
is grep({ stays($_) } @clients), CLIENTS,
    'some clients are answered and keep their connections';
my $new = $server->begin(GET => '/stop/nobody');
ok wait_until {
    @clients = grep { stays($_) } @clients;
    collect(0, $new);
}, 'while they ask again and again, a new client is answered';
is $new->status, 404, 'as others are';
is $server->get('/stop')->header('Wheel-Stopped'), THREADS - 1,
    'so is the one who stops the wheels';

# A client asks, and has time after the answer: event closes all connections
# that are kept alive if a request comes while the worker is still busy.
sub stays {
    my ($client) = @_;
    my $answer = $client->ask(GET => '/stop/nobody');
    collect(30, $answer);
    sleep 0.2;
    return 1 if $answer->status && ($answer->header('Connection') // '') ne 'close';
    $client->vanish('close');
    return 0;
}
