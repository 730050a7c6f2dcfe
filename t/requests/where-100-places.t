# SPDX-License-Identifier: Apache-2.0
# In 100 planted loops and waits, wheelctl where names the right function in 95,
# and what it examines goes on as if nothing had been.
#
# Starts first: each of its many stacks takes a moment to read.
# Under one MPM: it has no part in how a stack is named; where-log.t looks at four
# places under each.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelControl qw(control_config wheelctl_json);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(await child_pids wait_until);

use constant LOOPS => 36;

plan tests => 6, need_module 'wheel',
    { 'root alone may trace a child' => sub { $> == 0 } };

my $server = WheelServer->started(
    processes => 2, threads => 40, ready => 2,
    config    => user_modules('test_places') . control_config() . <<'END');
WheelRequests on slow=20ms
<Location "/places">
    SetHandler test-places
</Location>
END
my @children = child_pids($server->pid);
my @names = split /\n/, $server->get('/places?names')->body;
is scalar @names, 100, 'a hundred functions';
my (@wrong, @took, @stopped);

# One loop after the other: each takes a core.
my $usual = 0;
for my $n (0 .. LOOPS - 1) {
    my $answer = $server->begin(GET => "/places/$n?$n");
    examine($n);
    $server->get('/places?end');
    await($answer);
    $usual++ if ($answer->status // 0) == 200;
    $server->get('/places?begin');
}
is $usual, LOOPS, 'loops go on, and end as usual';

my @waits   = LOOPS .. $#names;
my @waiting = map { $server->begin(GET => "/places/$_?$_") } @waits;
my $before;
wait_until { # all are there, and none goes on any more
    my $was = $before // '';
    $before = join ' ', turns();
    $before eq $was && $before !~ /\b0\b/;
};
examine($_) for @waits;
my $right = @names - @wrong;
cmp_ok $right, '>=', 95, 'names the right function in 95'
    or diag map {"$_\n"} @wrong;
is join(' ', turns()), $before, 'no wait ends early';
is scalar(grep { !kill 0, $_ } @children), 0, 'no child has died';
is $server->get('/')->body, "hello\n", 'others are served';
note sprintf '%d right; wheelctl takes %.0f ms, a thread is stopped for %d usec'
    . ' (medians)', $right, 1000 * median(@took), median(@stopped);
kill KILL => child_pids($server->pid);
undef @waiting;

sub median { return (sort { $a <=> $b } @_)[@_ / 2] }

# How often the waits have gone on.
sub turns {
    return (split /\n/, $server->get('/places?turns')->body)[@waits];
}

# The innermost of the planted functions is where a request is.
sub examine {
    my ($n)   = @_;
    my $row   = listed($server, "/places/$n") or return push @wrong, $n;
    my $began = time;
    my (undef, $where) = wheelctl_json($server, 'where', "--id=$row->{id}");
    push @took,    time - $began;
    push @stopped, $where->{stopped_usec} // 1e9;
    my ($name) = map {/^(planted_\w+)/} @{ $where->{stack} };
    push @wrong, "$names[$n]: " . join ' < ', @{ $where->{stack} // [] }
        if ($name // '') ne $names[$n];
    return;
}
