# What is set for the server holds in virtual hosts and Locations until they
# set something else.

use strict;
use warnings FATAL => 'all';

use Apache::Test qw(-withtestmore);
use WheelServer ();
use WheelTest qw(collect thread_policy wait_until);

# host, path, seconds to its deadline, scheduling, is a vanished client's wheel
# stopped?
my @table = (
    ['a',     '/rotate',       7,  'batch',  0],
    ['a',     '/rotate/x',     7,  'batch',  0],
    ['a',     '/time',         5,  'batch',  0],
    ['a',     '/policy',       7,  'normal', 0],
    ['a',     '/leave',        7,  'batch',  1],
    ['a',     '/all',          3,  'idle',   1],
    ['a',     '/all/none',     undef, 'idle', 1],
    ['b',     '/rotate',       9,  'batch',  0],
    ['b',     '/time',         4,  'batch',  0],
    ['b',     '/policy',       9,  'idle',   0],
);
plan tests => 3 * @table + 2, need_module 'wheel';

my $config = <<'END';
WheelTimeout 7
WheelScheduling batch
WheelOnDisconnect continue
<Location /time>
    SetHandler wheel-rotate
    WheelTimeout 5
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
    WheelTimeout 3
    WheelScheduling idle
    WheelOnDisconnect stop
</Location>
<Location /all/none>
    WheelTimeout 0
</Location>
<VirtualHost *:@PORT@>
    ServerName a
</VirtualHost>
<VirtualHost *:@PORT@>
    ServerName b
    WheelTimeout 9
    <Location /time>
        WheelTimeout 4
    </Location>
    <Location /policy>
        WheelScheduling idle
    </Location>
</VirtualHost>
END
my $server = WheelServer->new(processes => 2, threads => 10);
$server->configure;
$server->configure(port => $server->port,
    config => $config =~ s/\@PORT\@/$server->port/egr);
$server->start or die $server->error_log;

for my $row (@table) {
    my ($host, $path, $deadline, $policy, $stops) = @$row;
    my $where = "$path of host $host";
    my $wheel = begin($host, $path);
    my $seen  = wait_until {
        my ($known) = grep { $_->{thread} } $server->rotating;
        $known;
    };
    is $seen->{deadline}, $deadline, "$where: the deadline is as set";
    is thread_policy(@{$seen}{qw(pid thread)}), $policy,
        "$where: so is the scheduling";
    close $wheel->socket;
    my $gone = $stops && wait_until {
        grep { $_->{id} == $seen->{id} && $_->{stopped_by} eq 'gone' }
            @{ $server->status->{recent} };
    };
    ok $stops ? $gone : stays($seen->{id}),
        "$where: so is what a vanished client does";
    $server->end_wheels;
}

my $wheel = begin('b', '/time?wait=1');
collect(20, $wheel);
is $wheel->header('Wheel-Stopped-By'), 'deadline', 'a request may ask for less';
cmp_ok $wheel->header('Wheel-Elapsed'), '<', 4, 'and gets it';

sub begin {
    my ($host, $path) = @_;
    return $server->begin(GET => $path, headers => [Host => $host]);
}

# It has been looked at more than once since the client went: every 250 ms.
sub stays {
    my ($id) = @_;
    my $from = $server->status->{time};
    my $still;
    wait_until {
        my $now = $server->status;
        ($still) = grep { $_->{id} == $id && $_->{state} eq 'rotating' }
            @{ $now->{running} };
        !$still || $now->{time} > $from + 0.8;
    };
    return $still;
}
