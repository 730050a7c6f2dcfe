# SPDX-License-Identifier: Apache-2.0
# What is set for the server holds in virtual hosts and Locations until they
# set something else.
#
# Under one MPM: settings are merged before any process is made.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelRequests qw(load_modules);
use WheelServer ();
use WheelTest qw(await thread_policy wait_until);

# host, path, seconds to its deadline, scheduling, is a vanished client's wheel
# stopped?
my @table = (
    ['a',     '/rotate',       70, 'batch',  0],
    ['a',     '/time',         50, 'batch',  0],
    ['a',     '/policy',       70, 'normal', 0],
    ['a',     '/leave',        70, 'batch',  1],
    ['a',     '/all',          30, 'idle',   1],
    ['a',     '/all/none',     undef, 'idle', 1],
    ['b',     '/rotate',       90, 'batch',  0],
    ['b',     '/time',         40, 'batch',  0],
    ['b',     '/policy',       90, 'idle',   0],
);

# host, path of a request, and does the log say where it is stuck?
my @logged = (
    ['a', '/wait/log',       1],
    ['a', '/wait/none',      0],
    ['a', '/wait/none/log',  1],
    ['b', '/wait/log',       0],
    ['b', '/wait/none/log',  1],
);

# host, path of a status, and does it say where requests are stuck?
my @shown = (
    ['a', '/wheel-status',     1],
    ['a', '/status/off',       0],
    ['a', '/status/off/on',    1],
    ['b', '/wheel-status',     0],
    ['b', '/status/off/on',    1],
);
plan tests => 3 * @table + 2 + @logged + @shown, need_module 'wheel';

my $config = <<'END';
WheelTimeout 70
WheelScheduling batch
WheelOnDisconnect continue
<Location /time>
    SetHandler wheel-rotate
    WheelTimeout 50
</Location>
<Location /policy>
    SetHandler wheel-rotate
    WheelScheduling normal
</Location>
<Location /leave>
    SetHandler wheel-rotate
    WheelOnDisconnect stop
</Location>
<Location /all>
    SetHandler wheel-rotate
    WheelTimeout 30
    WheelScheduling idle
    WheelOnDisconnect stop
</Location>
<Location /all/none>
    SetHandler wheel-rotate
    WheelTimeout 0
</Location>
<VirtualHost *:@PORT@>
    ServerName a
</VirtualHost>
<VirtualHost *:@PORT@>
    ServerName b
    WheelTimeout 90
    <Location /time>
        WheelTimeout 40
    </Location>
    <Location /policy>
        WheelScheduling idle
    </Location>
</VirtualHost>
END
my $server = WheelServer->new(processes => 1, threads => 24);
$server->configure(port => $server->port,
    config => $config =~ s/\@PORT\@/$server->port/egr);
$server->start or die $server->error_log;

# All at once, each by a name of its own.
my @wheels = map { begin($table[$_][0], "$table[$_][1]/row$_") } 0 .. $#table;
my %seen;
wait_until {
    %seen = map { $_->{name} => $_ } grep { $_->{thread} } $server->rotating;
    keys %seen == @wheels;
};
for my $n (0 .. $#table) {
    my ($host, $path, $deadline, $policy) = @{ $table[$n] };
    my $where = "$path of host $host";
    my $wheel = $seen{"row$n"};
    is $wheel->{deadline}, $deadline, "$where: the deadline is as set";

    # A thread is listed an instant before it changes its class.
    my $is;
    wait_until {
        $is = thread_policy(@{$wheel}{qw(pid thread)});
        $is eq $policy;
    };
    is $is, $policy, "$where: so is the scheduling";
}

# Each client is looked at every 250 ms: once the wheels that are to stop have
# stopped, and time for another look or two is over, the others have been
# found without a client as well.
close $_->socket for @wheels;
my %stops = map { ("row$_" => $table[$_][4]) } 0 .. $#table;
my $count = grep {$_} values %stops;
my (%gone, $since);
wait_until {
    my $now = $server->status;
    %gone = map { $_->{name} => 1 }
        grep { $_->{stopped_by} eq 'gone' } @{ $now->{recent} };
    $since = $now->{time} if keys %gone < $count || !$since;
    $now->{time} > $since + 0.8;
};
for my $n (0 .. $#table) {
    my ($host, $path) = @{ $table[$n] };
    is $gone{"row$n"} // 0, $stops{"row$n"},
        "$path of host $host: so is what a vanished client does";
}
$server->end_wheels;

my $wheel = begin('b', '/time?wait=1');
await($wheel);
is $wheel->header('Wheel-Stopped-By'), 'deadline', 'a request may ask for less';
cmp_ok $wheel->header('Wheel-Elapsed'), '<', 40, 'and gets it';
$server->stop;
$server = WheelServer->new(processes => 1, threads => 12);
$server->configure(port => $server->port, config => join '',
    control_config(), load_modules('env'), user_modules('test_wait'),
    <<'END' =~ s/\@PORT\@/$server->port/egr);
WheelRequests on slow=1s where=log
WheelWhere on
<Location /wait>
    SetHandler test-wait
    SetEnv wait "client="
</Location>
<Location /wait/none>
    WheelRequests on where=none
</Location>
<Location /wait/none/log>
    WheelRequests on where=log
</Location>
<LocationMatch ^/status/>
    SetHandler wheel-status
</LocationMatch>
<Location /status/off>
    WheelWhere off
</Location>
<Location /status/off/on>
    WheelWhere on
</Location>
<VirtualHost *:@PORT@>
    # httpd merges the settings of a module only where there are some.
    ServerName a
    WheelTimeout 90
</VirtualHost>
<VirtualHost *:@PORT@>
    ServerName b
    WheelRequests on where=none
    WheelWhere off
</VirtualHost>
END
$server->start or die $server->error_log;

# Those come first that are not to be logged.
my @waiting = map { begin($_->[0], $_->[1]) }
    sort { $a->[2] <=> $b->[2] } @logged;
my $number = grep { $_->[2] } @logged;
wait_until {
    $number == scalar(() = $server->error_log =~ /WH0130: /g);
};
for my $row (@logged) {
    my ($host, $path, $wanted) = @$row;
    my @lines = $server->error_log =~ m{WH0130: .*: GET $host$path(?=[ ,])}g;
    is @lines, $wanted, "$path of host $host: where=" . ($wanted ? 'log' : 'none');
}
wait_until { shown('a', '/wheel-status') };
for my $row (@shown) {
    my ($host, $path, $wanted) = @$row;
    is shown($host, $path), $wanted,
        "$path of host $host: WheelWhere " . ($wanted ? 'on' : 'off');
}
undef @waiting;

# Does a status say where requests are stuck?
sub shown {
    my ($host, $path) = @_;
    my $status = $server->get("$path?json", headers => [Host => $host])->json;
    return (grep { $_->{where} } @{ $status->{requests} }) ? 1 : 0;
}

sub begin {
    my ($host, $path) = @_;
    return $server->begin(GET => $path, headers => [Host => $host]);
}
