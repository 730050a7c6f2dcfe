# SPDX-License-Identifier: Apache-2.0
# wheelctl drain has the process of one request take nothing new, end its other
# requests as usual, and end with the one that doesn't; another takes its place.
# Nobody else is hit, and a request that is not there drains nothing.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelHttpd qw(spew user_modules);
use WheelMetrics qw(scrape);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(await child_pids wait_until);

plan tests => 29, need_module 'wheel';

my $server = WheelServer->started(
    processes => 1, threads => 28, spare => 28,
    config    => user_modules('test_loop', 'test_busy') . control_config()
        . <<'END');
WheelRequests on slow=50ms
<Location "/loop">
    SetHandler test-loop
</Location>
<Location "/busy">
    SetHandler test-busy
</Location>
END
my $prefork = $server->{mpm} eq 'prefork';

# Nobody is drained by mistake.
my ($code, $out, $err) = wheelctl($server, qw(drain --id=1));
is $code, 1, 'an id that nobody has drains nothing';
like $err, qr/no request runs that has the id 1: it has ended/, 'and is told so';
my $loop = $server->begin(GET => '/loop');
my $row  = listed($server, '/loop');
my $all  = WheelControl::say_and_hear($server, "drain id=$row->{id}&path=/x\n");
like $all, qr/\A400\n.*no other filter/, 'an id with another filter is refused';
like WheelControl::say_and_hear($server, "drain path=/loop\n"), qr/\A400\n/,
    'and so is another filter alone';
is listed($server, '/loop')->{stopped_by}, undef, 'the request goes on';

# Under event and worker, all are in one process.
my @others = map { $server->begin(GET => '/busy?wait') } 1 .. 24;
my @busy;
ok wait_until {
    @busy = grep { $_->{path} eq '/busy' } @{ $server->status->{requests} };
    @busy == 24;
}, 'one request loops for ever, beside 24 others';
is scalar(grep { $_->{pid} == $row->{pid} } @busy), $prefork ? 0 : 24,
    'in its process, where that has threads';
my @before = sort { $a <=> $b } child_pids($server->pid);
($code, my $said) = wheelctl_json($server, 'drain', "--id=$row->{id}");
is $code, 0, 'wheelctl drains its process';
is_deeply [@$said{qw(id pid thread outcome)}],
    [@$row{qw(id pid thread)}, 'draining'], 'and says which';
spew($server->dir . '/htdocs/end', '');
served_until_gone($row->{pid}, 'whoever comes meanwhile is answered');
is await(@others), 24, 'the 24 are';
is join(' ', grep { $_ ne "waited\n" } map { $_->body // 'cut' } @others), '',
    'wholly';
is +(grep { $_->{reset} } @others), 0, 'without a reset';
ok wait_until { others_of($row->{pid}) >= 1 },
    'another process is in its place';
my %now = map { $_ => 1 } child_pids($server->pid);
is join(' ', grep { !$now{$_} && $_ != $row->{pid} } @before), '',
    'and no other has ended';
ok $server->logs(
    qr/WH0124: process \d+ of user \d+: drain of request $row->{id} in process $row->{pid}: draining/),
    'the log has who has drained it';
$server->logs(qr/WH0105: request $row->{id} .*; step: .*drain/);
my @steps = $server->error_log =~ /WH0105: request $row->{id} .*; step: (.*)/g;
is "@steps", 'refuse, interrupt, drain', 'and each step, once';
my $metrics = scrape($server);
is $metrics->{"wheel_request_steps_total{step=\"$_\"}"}, 1, "$_ is counted once"
    for qw(refuse interrupt drain);
is $metrics->{"wheel_request_steps_total{step=\"$_\"}"}, 0, "$_ was not taken"
    for qw(cut cooldown);

# One that was drained has ended, once the parent knows.
wait_until { !listed_now('/loop') };
($code, $out, $err) = wheelctl($server, 'drain', "--id=$row->{id}");
is $code, 1, 'a request that has ended drains nothing more';
like $err, qr/no request runs that has the id $row->{id}/, 'and is told so';

# One that was stopped before, as HTTP asks for it.
$loop = $server->begin(GET => '/loop?again');
$row  = listed($server, '/loop');
is $server->get("/stop?id=$row->{id}")->status, 200, 'another one is stopped';
ok((listed($server, '/loop', sub { ($_[0]{step} // '') eq 'force' })),
    'and runs on');
($code, $out) = wheelctl($server, 'drain', "--id=$row->{id}");
is $out, "draining\n", 'a second word drains its process';
served_until_gone($row->{pid}, 'and others are answered');
ok wait_until { !listed_now('/loop') }, 'then it has ended';

# Clients come while the process drains, and go on coming until it has ended.
sub served_until_gone {
    my ($pid, $sentence) = @_;
    my ($asked, $reached) = (0, 0);
    wait_until {
        $asked++;
        $reached += ($server->get('/')->status // 0) == 200;
        gone($pid);
    };
    return is $reached, $asked, $sentence;
}

sub listed_now {
    my ($path) = @_;
    return scalar grep { $_->{path} eq $path } @{ $server->status->{requests} };
}

sub others_of {
    my ($pid) = @_;
    return grep { $_ != $pid } child_pids($server->pid);
}

# It has ended, or is about to be reaped.
sub gone {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 1;
    return (<$in> // '') =~ /\) Z /;
}
