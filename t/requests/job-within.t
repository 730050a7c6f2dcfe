# SPDX-License-Identifier: Apache-2.0
# A request that runs a job of its own is listed as that job meanwhile.  Before
# and after that it is listed, limited and stopped as any other, and a stop that
# came before the job ends the job, too.  Whenever a stop comes, it means one of
# both.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

plan tests => 14, need_module 'wheel';

my ($DRY, $STOPS) = (300, 100);

my $server = WheelServer->started(
    config => user_modules('test_job') . <<'END');
WheelRequests on slow=100ms
<Location "/job">
    SetHandler test-job
</Location>
<Location "/limited">
    SetHandler test-job
    WheelTimeout 500ms
</Location>
END

sub finished { return $server->status->{totals}{ended}{finished} }

# Begin a request that runs one job after another.
sub many {
    my $before = finished();
    my $answer = $server->begin(GET => '/job/many');
    wait_until { finished() > $before };
    return $answer;
}

sub go { return spew($server->dir . '/htdocs/go', '') }

sub listed {
    my ($path) = @_;
    return wait_until {
        (grep { $_->{path} eq $path } @{ $server->status->{requests} })[0];
    };
}

my $then = $server->begin(GET => '/job/then?1000');
my $row  = listed('/job/then');
ok $row, 'after its job, a request is listed again';
is $server->status->{totals}{ended}{finished}, 1, 'the job has ended';
is $server->get("/stop?id=$row->{id}")->status, 200, 'the request is stopped';
go();
is await($then), 1, 'it ends';
is $then->status, 503, 'by its stop';
unlink $server->dir . '/htdocs/go';

my $limited = $server->begin(GET => '/limited/then?1000');
ok wait_until {
    my $row = listed('/limited/then');
    $row && $row->{stopped_by};
}, 'its time is limited, too';
go();
await($limited);
is $limited->status, 504, 'and it is told so';
unlink $server->dir . '/htdocs/go';

my $late = $server->begin(GET => '/job/late');
$server->get('/stop?id=' . listed('/job/late')->{id});
go();
is await($late), 1, 'a stop before the job';
is $late->status, 503, 'ends the request';
is $server->status->{totals}{ended}{stop}, 1, 'and the job';

# The stop of a job means its request no more.
my $spin = $server->begin(GET => '/job/own-spin');
wait_until { ($server->rotating)[0] };
$server->get('/stop?handler=test-job');
await($spin);
like $spin->body, qr/^rv=0 end=2 /,
    'a stop that has ended a job leaves its request to answer';

# Between two jobs of a request, or in one of them: once, and not twice.
my $many = many();
my %dry;
for (1 .. $DRY) {
    my $would = $server->get('/stop?handler=test-job&dry')->json->{wheels};
    $dry{ scalar @$would }++;
}
is_deeply \%dry, { 1 => $DRY }, 'a dry stop means a request of many jobs once';
my (%stopped, %ended);
for (1 .. $STOPS) {
    my $stop = $server->get('/stop?handler=test-job');
    $stopped{ $stop->header('Wheel-Stopped') // $stop->status }++;
    my $ended = collect(10, $many);
    diag explain [$many->status, $many->body] if $stop->status != 200;
    $ended{$ended}++;
    last if !$ended || $_ == $STOPS;
    $many = many();
}
is_deeply \%stopped, { 1 => $STOPS }, 'a stop stops it once';
is_deeply \%ended,   { 1 => $STOPS }, 'and it ends';
