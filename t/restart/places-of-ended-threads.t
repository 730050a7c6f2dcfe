# SPDX-License-Identifier: Apache-2.0
# A child of worker that stops gracefully may leave the places of its idle
# threads marked so that its parent takes none of them for free: while a wheel
# holds the child, no new one would start.  Then the wheel ends, but not if the
# server is to stop after it.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by complaints resumed turn);
use WheelHttpd qw(checkout_dir spew user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect thread_ids wait_until);

my $shim = checkout_dir() . '/t/modules/.libs/held_listener_shim.so';
plan WheelServer::mpm() ne 'worker'
    ? (skip_all => 'only worker uses the places of single threads')
    : ($ENV{WHEEL_HTTPD} // '') =~ /asan/
    ? (skip_all => 'a sanitizer has to be loaded first')
    : (tests => 24, need_module 'wheel');

# MaxRequestWorkers allows one process, ServerLimit more.
use constant CONNECTIONS => 200;
my ($server, $held) = start_server();
my ($child) = $server->children;
my @wheels  = turn($server, 1);
my $threads = thread_ids($child);
hold(1);
ok resumed($server, 'USR1'), 'the server restarts gracefully';
idle_threads_end(5);
gives_way('the old process');

# One that is worn out.
$server->stop;
($server, $held) = start_server("MaxConnectionsPerChild @{[CONNECTIONS]}\n");
($child) = $server->children;
@wheels  = turn($server, 1);
$threads = thread_ids($child);
hold(1);
wait_until {
    $server->get('/', limit => 1) for 1 .. 20;
    thread_ids($child) == $threads - 5;
};
idle_threads_end(5);
gives_way('the one that is worn out');

# One whose place has been taken by its successor, where that stops likewise:
# nobody else has the oldest wheel.  Idle threads may end before their listener
# although nothing holds it: then the first wheel has given way to the second.
my $tries = 3;
do {
    $server->stop;
    ($server, $held) = start_server();
    @wheels = turn($server, 1);
    resumed($server, 'USR1');
    push @wheels, turn($server, 1);
} while $server->rotating < 2 && --$tries;
my ($older, $newer) = map { $_->{pid} }
    sort { $a->{id} <=> $b->{id} } $server->rotating;
isnt $older, $newer, 'wheels turn in two processes that share a place';
$child   = $newer;
$threads = thread_ids($child);
hold(1);
resumed($server, 'USR1');
idle_threads_end(4);
ok wait_until { $server->serves }, 'a new process answers';
is_deeply answers_by($wheels[0]), { shutdown => 1 },
    'the oldest wheel has its number';
$server->get('/stop');

# One whose job does not poll its mark, and another one in the next place.
$server->stop;
($server, $held) = start_server(<<"END", processes => 2, ready => 6);
@{[user_modules('test_job')]}
StartServers 1
MaxSpareThreads 7
<Location "/job">
    SetHandler test-job
</Location>
END
my $stuck = $server->begin(GET => '/job/own-burn');
wait_until { ($server->rotating)[0] };
keeps_its_place(($server->rotating)[0]{pid});
@wheels = turn($server, 1, 'beside');
keeps_its_place(
    map { $_->{pid} } grep { $_->{name} eq 'beside' } $server->rotating
);
gives_way('the process that polls its marks');
is collect(0, $stuck), 0, 'the job that does not goes on';
spew($server->dir . '/htdocs/go', '');
await($stuck);

# The server is to stop.
@wheels  = turn($server, 1);
($child) = map { $_->{pid} } $server->rotating;
$threads = thread_ids($child);
hold(1);
$server->signal('WINCH');
idle_threads_end(5);
# Three seconds after it has found that nobody serves, it would end.
is collect(5, @wheels), 0, 'a wheel that a graceful stop waits for turns on';

sub start_server {
    my ($config, %more) = @_;
    my $made = WheelServer->new(
        processes => 1, threads => 6, spare => 6, %more
    );
    my $file = spew($made->dir . '/held', 0);
    $made->configure(
        env    => { LD_PRELOAD => $shim, HELD_LISTENER_FILE => $file },
        config => $config // ''
    );
    $made->start or die "httpd didn't start:\n" . $made->error_log;
    return ($made, $file);
}

sub idle_threads_end {
    my ($idle) = @_;
    ok wait_until { thread_ids($child) <= $threads - $idle },
        'the idle threads end before their listener';
    return hold(0);
}

# This process stops gracefully, and all its threads but the busy one are marked.
sub keeps_its_place {
    ($child) = @_;
    $threads = thread_ids($child);
    hold(1);
    resumed($server, 'USR1');
    return idle_threads_end(5);
}

sub gives_way {
    my ($who) = @_;
    ok wait_until { $server->serves }, 'a new process answers';
    is_deeply answers_by(@wheels), { shutdown => 1 },
        "the wheel of $who has its number";
    is scalar(() = $server->error_log =~ /WH0013/g), 1, 'the log says so';
    return is_deeply [complaints($server)], [], 'the log has no complaint';
}

sub hold {
    my ($is_to) = @_;
    return spew($held, $is_to);
}
