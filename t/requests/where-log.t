# SPDX-License-Identifier: Apache-2.0
# With where=log, the log has once where a request is stuck that has run for as
# long as slow= says: state, wait, CPU time, and with the privilege its stack.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl_json);
use WheelHttpd qw(user_modules);
use WheelMetrics qw(scrape);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(child_pids collect wait_until);

plan tests => 35, need_module 'wheel',
    { 'root alone may trace a child' => sub { $> == 0 } };

# A loop and a wait of test-places.
my %place = (count => 0, divide => 4, poll => 36, epoll => 48);
my $server = WheelServer->new(
    processes => 2, threads => 8, config => places(<<'END'));
WheelPrivileged where
<Location "/wheel-status">
    WheelWhere on
</Location>
END
$server->start or die $server->error_log;

my %answer = map { $_ => $server->begin(GET => "/places/$_?$place{$_}") }
    sort keys %place;
my $unlogged = $server->begin(GET => "/unlogged/?$place{poll}");
my %row = map { $_ => listed($server, "/places/$_") } sort keys %place;
for my $name (sort keys %place) {
    my $id = $row{$name}{id};
    ok wait_until { stacks($id) }, "$name: the log has its stack"
        or diag $server->error_log;
    like join('', stacks($id)), qr/(?:stack: | < )planted_${name}_a \(/,
        'with the function where it is stuck';
    my ($line) = lines($id);
    like $line, qr/run for \d{4,} ms: GET 127\.0\.0\.1\/places\/$name/,
        'what it is';
    like $line, $name =~ /^[cd]/
        ? qr/in state R, .* waits for: running/
        : qr/in state S, 0\.0\d CPU seconds .* waits for: $name/,
        'and what it does';
    my (undef, $where) = wheelctl_json($server, 'where', "--id=$id");
    is((map {/^planted_(\w+)_a/} @{ $where->{stack} })[0], $name,
        'wheelctl where names the function, too');
}
ok listed($server, '/places/count', sub {
    ($_[0]{where} // '') =~ /state R, (?:0\.[1-9]|0\.0[1-9]|1)/
}), 'the loop computes';

# Who may know it, sees it in the status.
ok listed($server, '/places/poll', sub {
    ($_[0]{where} // '') =~ /^state S, 0\.0\d CPU seconds .*, waits for: poll: /
}), 'the status has it where WheelWhere is on';
ok wait_until {
    my (undef, $list) = wheelctl_json($server, qw(list --kind=request));
    grep { ($_->{where} // '') =~ /waits for: epoll_wait/ }
        @{ $list->{requests} }
}, 'and so has wheelctl list';

# So many a second: the later ones wait for their turn, and none comes twice.
$server->get('/places/?end'); # the loops
my @many = map { $server->begin(GET => "/places/$_?$place{poll}") } 1 .. 5;
my %many = map { $_ => listed($server, "/places/$_")->{id} } 1 .. 5;
ok wait_until { 5 == grep { lines($_) } values %many },
    'one after the other, each is logged';
is_deeply [map { scalar lines($_) } values %many, map { $_->{id} } values %row],
    [(1) x 9], 'once';
is scalar(() = $server->error_log =~ m{WH0130: .*/unlogged/}g), 0,
    'but not where where=none';

unlike $server->error_log, qr/WH0105: /, 'and a stack is no step of a stop';
my $steps = scrape($server);
is_deeply [grep { $steps->{$_} } grep {/^wheel_request_steps_total/}
        keys %{$steps}], [], 'nor is it counted as one';

# Ends at once what is left.
sub end_all {
    kill KILL => child_pids($server->pid);
    undef %answer;
    undef @many;
    undef $unlogged;
    $server->stop;
    return;
}
end_all();

# Without the privilege, what everybody may know.
$server->configure(config => places(''));
$server->start or die $server->error_log;
%answer = (poll => $server->begin(GET => "/places/poor?$place{poll}"));
my $poor = listed($server, '/places/poor')->{id};
ok wait_until { lines($poor) }, 'without the privilege, the log has it, too';
like join('', lines($poor)),
    qr/in state S, 0\.0.* waits for: not known without WheelPrivileged where/,
    'without what the thread waits for';
is scalar(stacks($poor)), 0, 'and without a stack';
is listed($server, '/places/poor')->{where}, undef,
    'and the status says nothing where WheelWhere is off';
end_all();

# Where /proc hides the children from the helper, the privileged process still
# tells what they wait for.
my @hide = ('unshare', '--mount', 'sh', '-c',
    'mount -t proc -o hidepid=2 proc /proc && exec "$0" "$@"');
SKIP: {
    skip 'no /proc of its own can be mounted here', 3 if system @hide, 'true';
    my $hidden = WheelServer->started(
        processes => 2, threads => 8, within => \@hide,
        config    => places('WheelPrivileged where'));
    $server = $hidden;
    ok $hidden->logs(qr/WH0109: .*WheelCpuLimit/),
        'where /proc hides the children, the log says what that means';
    %answer = (poll => $hidden->begin(GET => "/places/poll?$place{poll}"));
    my $id = listed($hidden, '/places/poll')->{id};
    ok wait_until { lines($id) }, 'it has where a request is stuck, too';
    like join('', lines($id)),
        qr/in state \?, an unknown number of .* waits for: poll: /,
        'as far as the privileged process tells it';
    end_all();
}

sub places {
    my ($privileged) = @_;
    return user_modules('test_places') . control_config() . <<"END";
$privileged
WheelRequests on slow=1200ms where=log
<LocationMatch "^/(?:places|unlogged)/">
    SetHandler test-places
</LocationMatch>
<Location "/unlogged/">
    WheelRequests on where=none
</Location>
END
}

# Lines of the log about a request, and its stacks.
sub lines {
    my ($id) = @_;
    return grep {/WH0130: request $id /} split /\n/, $server->error_log;
}

sub stacks {
    my ($id) = @_;
    return grep {/WH0131: request $id:/} split /\n/, $server->error_log;
}
