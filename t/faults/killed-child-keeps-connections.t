# SPDX-License-Identifier: Apache-2.0
# A connection that comes in the instant that a child is killed is answered by
# another child, if httpd has two addresses to listen at: then it waits in
# poll(), and a process that dies there has accepted nothing.  (With a single
# one, prefork and worker wait in accept(), and the dying process may still take
# it along.)

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(turn);
use WheelHttpd qw(free_port);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

use constant { KILLS => 5, THREADS => 8 };

plan tests => 2, need_module 'wheel';

my $server = WheelServer->started(
    processes => 3, threads => THREADS, spare => 24,
    config    => "Listen 127.0.0.1:@{[free_port()]}\n"
);

my $answered = 0;
for my $kill (1 .. KILLS) {
    wait_until { $server->idle_workers > THREADS };
    my ($held) = turn($server, 1, "wheel-$kill"); # its client stays
    my ($wheel) = $server->rotating;
    # One that listens: the wheel has its child of prefork for itself.
    my ($doomed)
        = $server->mpm eq 'prefork'
        ? grep { $_ != $wheel->{pid} } $server->children
        : $wheel->{pid};
    $server->kill_child($doomed);
    my $stop = $server->get('/stop');
    $answered++ if ($stop->status // 0) == 200;
}
is $answered, KILLS, 'a stop right after each kill is answered';
ok wait_until { !$server->running }, 'no wheel is left';
