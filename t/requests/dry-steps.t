# SPDX-License-Identifier: Apache-2.0
# A dry stop, by HTTP and by wheelctl, and every form of the status tell which
# steps a stop of each request would take, as WheelOnStop says at its place; a
# stop takes them, each once.
#
# Under one MPM: it has no part in which steps there are.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelHttpd qw(user_modules);
use WheelMetrics qw(schema_errors scrape);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(wait_until);

my @steps = qw(refuse interrupt cut cooldown drain);
my %place = (
    plain  => ['', 'refuse interrupt'],
    refuse => ['WheelOnStop refuse', 'refuse'],
    late   => ['WheelOnStop refuse interrupt=2s', 'refuse interrupt=2s'],
    drain  => ['WheelOnStop refuse interrupt drain=1500ms',
        'refuse interrupt drain=1500ms'],
    all    => ['WheelOnStop refuse interrupt cut=200ms cooldown=400ms drain=60s',
        'refuse interrupt cut=200ms cooldown=400ms drain=60s'],
);
my @names = sort keys %place;
plan tests => 3 * @names + 6 + 3 + @steps, need_module 'wheel',
    { 'root alone has the privilege' => sub { $> == 0 } };

my $server = WheelServer->started(
    processes => 1, threads => 12,
    config    => user_modules('test_loop') . control_config()
        . "WheelRequests on slow=50ms\nWheelPrivileged cut cooldown\n"
        . join '', map { <<"END" } @names);
<Location "/$_">
    SetHandler test-loop
    $place{$_}[0]
</Location>
END

my %row;
for my $name (@names) {
    $server->begin(GET => $name eq 'all' ? '/all' : "/$name?sleep");
    $row{$name} = listed($server, "/$name");
    my $told = $server->get("/stop?id=$row{$name}{id}&dry")->json;
    is text($told->{wheels}[0]{steps}), $place{$name}[1],
        "$name: a dry stop tells the steps";
    is text($row{$name}{steps}), $place{$name}[1], 'and so does the status';
    my (undef, $out) = wheelctl($server, qw(stop --dry-run), "--path=/$name");
    like $out, qr/\A.*STEPS\n$row{$name}{id} .*  \Q$place{$name}[1]\E\n\z/,
        'and wheelctl';
}
my $status = $server->get('/wheel-status?json&path=/*')->body;
is schema_errors($status), '', 'the status fits its schema';
like $server->get('/wheel-status?auto')->body,
    qr/^WheelRequest: id=$row{all}{id} .* steps=refuse\+interrupt\+cut=200ms\+cooldown=400ms\+drain=60s where=$/m,
    'text has them';
like $server->get('/wheel-status')->body,
    qr{<td>refuse interrupt cut=200ms cooldown=400ms drain=60s</td>},
    'and the page';
is listed($server, '/all')->{stopped_by}, undef, 'nothing was stopped';
$server->rotate(1);
is $server->get('/stop?dry')->json->{wheels}[0]{steps}, undef,
    'a wheel has no steps';
my (undef, $json) = wheelctl_json($server, 'stop', "--id=$row{drain}{id}");
ok !exists $json->{wheels}[0]{steps}, 'nor has a stop that is real';

# They are taken.
is $server->get("/stop?id=$row{all}{id}")->status, 200, 'one is stopped';
ok listed($server, '/all', sub { ($_[0]{step} // '') eq 'cooldown' }),
    'and its stop goes up to what is left';
# A drain is asked for, and the helper that knew of the others is killed.
my ($helper) = WheelTest::helper_pids($server->pid);
kill KILL => $helper;
wait_until {
    my ($new) = WheelTest::helper_pids($server->pid);
    $new && $new != $helper;
};
wheelctl($server, 'drain', "--id=$row{all}{id}");
$server->logs(qr/WH0105: request $row{all}{id} .*drain/);
my $log = join ', ', $server->error_log
    =~ /WH0105: request $row{all}{id} .*; step: (.*)/g;
is join(' ', sort split /, /, $log), join(' ', sort @steps),
    'the log has each step once, though the helper is another';
# The request of /drain was stopped, too.
my $metrics = scrape($server);
my %more = map { $_ => 1 } qw(refuse interrupt);
is $metrics->{"wheel_request_steps_total{step=\"$_\"}"}, 1 + ($more{$_} // 0),
    "$_ is counted once a request" for @steps[0 .. 3];
cmp_ok $metrics->{'wheel_request_steps_total{step="drain"}'}, '<=', 2, 'and drain';

# As WheelOnStop has them.
sub text {
    my ($steps) = @_;
    return join ' ', map {
        my $msec = int(1000 * $_->{after} + 0.5);
        $_->{step} . (!$msec ? '' : $msec % 1000 ? "=${msec}ms"
            : '=' . $msec / 1000 . 's')
    } @$steps;
}
