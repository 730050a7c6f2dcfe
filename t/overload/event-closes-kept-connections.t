# SPDX-License-Identifier: Apache-2.0
# Where wheels hold all workers of a process but one, event takes few more
# connections, and none while even one of these stays.  As long as that is so,
# clients are told to close theirs, and new ones get in, also where mod_cache
# answers.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(sleep);
use WheelClient ();
use WheelHttpd qw(spew);
use WheelPlan;
use WheelRequests qw(load_modules);
use WheelServer ();
use WheelTest qw(await collect wait_until);

# As many as event takes beside these wheels, with AsyncRequestWorkerFactor 2.
use constant { THREADS => 4, CLIENTS => 3 };

plan WheelServer::mpm() eq 'event' ? (tests => 8, need_module 'wheel')
    : (skip_all => 'only event stops accepting');

my $server = WheelServer->started(
    processes => 1, threads => THREADS,
    config    => load_modules(qw(socache_shmcb cache cache_socache)) . <<'END'
KeepAliveTimeout 600
MaxKeepAliveRequests 0
<IfModule cache_socache_module>
    CacheEnable socache "/cached"
    CacheSocache shmcb
</IfModule>
END
);
my $cached = $server->dir . '/htdocs/cached';
spew($cached, "hello\n");
utime 1, 1, $cached or die "$!\n"; # old enough to be kept without a question
my @wheels = $server->rotate(THREADS - 1);
is @wheels, THREADS - 1, 'wheels hold all workers but one';

for my $path (qw(/stop/nobody /cached)) {
    my @clients = map { WheelClient->new($server->port) } 1 .. CLIENTS;
    is grep({ stays($_, $path) } @clients), CLIENTS,
        "some clients are answered at $path and keep their connections";
    my $new = $server->begin(GET => '/stop/nobody');
    ok wait_until {
        @clients = grep { stays($_, $path) } @clients;
        collect(0, $new);
    }, 'while they ask again and again, a new client is answered';
    is $new->status, 404, 'as others are';
    $_->vanish('close') for @clients;
}
is $server->get('/stop')->header('Wheel-Stopped'), THREADS - 1,
    'so is the one who stops the wheels';

# A client asks, and has time after the answer: event closes all connections
# that are kept alive if a request comes while the worker is still busy.
sub stays {
    my ($client, $path) = @_;
    my $answer = $client->ask(GET => $path);
    await($answer);
    sleep 0.2;
    return 1 if $answer->status && ($answer->header('Connection') // '') ne 'close';
    $client->vanish('close');
    return 0;
}
