# Another module runs its own work as a job, by the optional function alone: it
# is listed, stopped, limited and answered as a wheel is.

use strict;
use warnings FATAL => 'all';

use Apache::Test qw(-withtestmore);
use File::Spec ();
use WheelServer ();
use WheelTest qw(collect wait_until);

my $module = File::Spec->rel2abs('t/api/.libs/mod_test_job.so');

plan tests => 13, need_module 'wheel';

my $location = <<'END';
<Location "/job">
    SetHandler test-job
</Location>
END
my $load   = qq(LoadModule test_job_module "$module"\n);
my $server = WheelServer->started(config => "$load$location");

# rv, end and refusal are the numbers of mod_wheel.h.
my $answer = $server->get('/job/sum?1000000');
is $answer->body, "rv=0 end=1 refusal=0 sum=500000500000 done=1000000 value=1\n",
    'work that ends by itself brings its result back';
is $server->status->{totals}{ended}{finished}, 1, 'and counts as finished';
is $server->status->{recent}[0]{name}, 'foreign', 'under its name';

my $spin = $server->begin(GET => '/job/spin');
my ($job) = wait_until {
    my @found = grep { $_->{turns} > 0 } $server->rotating;
    $found[0];
};
is $job->{name}, 'foreign', 'work under way is listed';
is $job->{number}, 200, 'with the value that it shows';

is $server->get('/stop?handler=wheel-rotate')->status, 404,
    'a stop of what another handler runs does not reach it';
is $server->get('/stop?handler=test-job&dry')->json->{wheels}[0]{handler},
    'test-job', 'one of its own handler would';
is $server->get('/stop/foreign')->header('Wheel-Stopped'), 1,
    'a stop of its name reaches it';
is collect(10, $spin), 1, 'and it is answered';
like $spin->body, qr/^rv=0 end=2 refusal=0 sum=0 done=[1-9]\d* value=200$/,
    'with what it had done, and its baton untouched';

my $odd = $server->get('/job/sum?odd')->body;
unlike $odd, qr/rv=0 /, 'a name that is not allowed is an error';

my $full = WheelServer->started(
    config => "${load}WheelMax 1\n$location");
my $first = $full->begin(GET => '/job/spin');
$full->wait_rotating(1);
like $full->get('/job/spin')->body, qr/ end=0 refusal=1 /,
    'limits hold for it as for wheels';
$full->get('/stop');
is collect(10, $first), 1, 'and the first one is stopped';
