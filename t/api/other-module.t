# SPDX-License-Identifier: Apache-2.0
# Another module runs its own work as a job, by the optional functions alone: it
# is listed, stopped, limited and answered as a wheel is.  A wrong call is
# refused, and has no other effect.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 21, need_module 'wheel';

my $location = <<'END';
<Location "/job">
    SetHandler test-job
</Location>
<Location "/cxx">
    SetHandler test-cxx
</Location>
END
my $log = <<'END';
LogFormat "%U %{wheel-name}n %{wheel-stopped-by}n %{wheel-refused}n" notes
CustomLog notes notes
END
my $load   = user_modules(qw(test_job test_cxx));
my $server = WheelServer->started(config => "$load$log$location");

# rv, end and refusal are the numbers of mod_wheel.h.
my $answer = $server->get('/job/sum?1000000');
is $answer->body,
    "rv=0 end=1 refusal=0 sum=500000500000 done=1000000 value=1 result=nothing\n",
    'work that ends by itself brings its baton back';
my $status = $server->status;
is $status->{totals}{ended}{finished}, 1, 'and counts as finished';
is $status->{recent}[0]{name}, 'foreign', 'under its name';

my $spin = $server->begin(GET => '/job/spin');
my ($job) = wait_until {
    my @found = grep { $_->{turns} > 0 } $server->rotating;
    $found[0];
};
is $job->{name}, 'foreign', 'work under way is listed';
is $job->{number}, 200, 'with the value that it shows';
ok !$job->{stuck}, 'and is not stuck';

is $server->get('/stop?handler=wheel-rotate')->status, 404,
    'a stop of what another handler runs does not reach it';
is $server->get('/stop?handler=test-job&dry')->json->{wheels}[0]{handler},
    'test-job', 'one of its own handler would';
is $server->get('/stop/foreign')->header('Wheel-Stopped'), 1,
    'a stop of its name reaches it';
is await($spin), 1, 'and it is answered';
like $spin->body,
    qr/^rv=0 end=2 refusal=0 sum=0 done=[1-9]\d* value=200 result=nothing$/,
    'with what it had done, and its baton untouched';

is $server->get('/cxx?100000')->body,
    "rv=0 end=finished sum=5000050000 handed_over=5000050000 own=5000050000\n",
    'a module in C++ does the same, and the same in its worker';

is $server->get('/job/far?4')->body,
    "rv=0 end=1 refusal=0 sum=10 done=4 value=4 result=nothing\n",
    'a deadline that is too far away for any clock is none';

# Name, work, baton, result, three sizes; then three versions; then NULL.
is $server->get('/job/wrong')->body,
    "invalid/invalid invalid/taken invalid/invalid invalid/invalid "
    . "invalid/invalid invalid/invalid invalid/invalid "
    . "version/version version/version version/version invalid\n",
    'a spec that is wrong, of another version or NULL is an error';
ok wait_until { !$server->running }, 'and nothing runs';
my @told = $server->error_log =~ /^(.*WH0023.*)$/mg;
is scalar @told, 1, 'that the version is another is logged once';
like $told[0],
    qr/test-job asks for version 0\.0 .* serves 2\.0 to 2\.0: call wheel_spec_init/,
    'by handler and version';

my $full = WheelServer->started(
    config => "${load}WheelMax 1\n$log$location");
my $first = $full->begin(GET => '/job/spin');
$full->wait_rotating(1);
like $full->get('/job/spin')->body, qr/ end=0 refusal=1 /,
    'limits hold for it as for wheels';
like $full->get('/job/own-spin')->body, qr/ end=0 refusal=1 /,
    'and for work in a worker';
$full->get('/stop');
is await($first), 1, 'and the first one is stopped';
my $notes;
my @expected = ('/job/own-spin foreign - max', '/job/spin foreign - max',
    '/job/spin foreign stop -');
wait_until {
    $notes = join "\n", sort grep {m{^/job}} split /\n/,
        $full->file_text('notes');
    $notes eq join "\n", @expected;
};
is $notes, join("\n", @expected), 'the access log has the facts of all';
