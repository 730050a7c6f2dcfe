# SPDX-License-Identifier: Apache-2.0
# wheelctl lists and stops what its filters mean, as /stop and the status do,
# and its exit code says how that went.
#
# Under one MPM: it has no part in what a filter selects.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelControl qw(control_config say_and_hear wheelctl wheelctl_json);
use WheelMetrics qw(schema_errors);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await freeze wait_until);

plan tests => 33, need_module 'wheel';

my $server = WheelServer->started(
    processes => 3, threads => 6, config => control_config()
);

my ($code, $out) = wheelctl($server, 'list');
is $code, 0, 'without wheels, there is nothing to complain of';
like $out, qr/\AID +NAME [^\n]*\n\z/, 'and a list of nothing';
is +(wheelctl($server, 'stop', '--all'))[0], 0, 'nor to stop';

my @wheels = map { $server->rotate(1, $_) } qw(/rotate/red /rotate/red.2);
push @wheels, WheelClient->new($server->port, from => '127.0.0.2')
    ->ask(GET => '/rotate/blue', headers => [Connection => 'close']);
$server->wait_rotating(3);
push @wheels, $server->rotate(1);
my %id = map { $_->{name} // 'none' => $_->{id} } $server->rotating;

for my $row (
    [[], qw(red red.2 blue none)],
    [['--name=red*'], qw(red red.2)],
    [["--id=$id{blue}"], 'blue'],
    [['--client', '127.0.0.2'], 'blue'],
    [['--handler=wheel-rotate', '--name=*'], qw(red red.2 blue)],
    [['--older=3600']],
    [['--name=re', '--older=0']])
{
    my ($filters, @names) = @$row;
    ($code, my $json) = wheelctl_json($server, 'list', @$filters);
    is join(' ', map { $_->{name} // 'none' } @{ $json->{running} }),
        "@names", "list @$filters: @names";
    is $code, @names ? 0 : 1, 'and its exit code tells whether there are some';
}
($code, my $text) = wheelctl($server, '-j', 'list', '--name=red*');
is schema_errors($text), '', '--json is the JSON of the status';

($code, my $json) = wheelctl_json($server, qw(stop --dry-run --name=red*));
is_deeply [$code, map {"$_->{name} $_->{outcome}"} @{ $json->{wheels} }],
    [0, 'red would-stop', 'red.2 would-stop'],
    '--dry-run tells what would be stopped';
is +(wheelctl($server, qw(stop -n --name=green)))[0], 1, 'if there is any';
is $server->rotating, 4, 'and nothing is';

($code, $out, my $err) = wheelctl($server, qw(stop --name=green));
is $code, 1, 'a stop of none has an exit code of its own';
like $err, qr/^wheelctl: no wheel rotates that matches name=green$/m,
    'and says so';
($code, $json) = wheelctl_json($server, qw(stop --name=green));
is "$code $json->{status}", '1 404', 'in JSON, too';

($code, $json) = wheelctl_json($server, 'stop', "--id=$id{red}");
is_deeply [$code, $json->{stopped}, @{ $json->{wheels}[0] }{qw(id outcome)}],
    [0, 1, $id{red}, 'stopped'], 'a stop by id ends that wheel';
is await($wheels[0]), 1, 'whose client has its number';
is $server->rotating, 3, 'and no other';

# A process that is frozen can't end its wheels; another one answers.
my ($blue) = grep { ($_->{name} // '') eq 'blue' } $server->rotating;
freeze($blue->{pid});
($code, $json) = wheelctl_json($server, qw(stop --client=127.0.0.2 -w 0.3));
is "$code $json->{wheels}[0]{outcome}", '4 running',
    'the exit code tells of wheels that still run after --wait';
kill CONT => $blue->{pid};
($code, $json) = wheelctl_json($server, qw(stop --all --wait=20));
is_deeply [$code, map { $_->{outcome} } @{ $json->{wheels} }],
    [0, 'ended', 'ended'], 'and of those that have ended in time';
is await(@wheels), 4, 'each has its number';
ok wait_until { !$server->running }, 'and none is left';
is scalar(() = $server->error_log =~ /WH0063: process \d+ of user \d+/g), 3,
    'the error log says who has stopped wheels';

# What a person might type into socat.
like say_and_hear($server, "stop wait=0&name=x\r\n"), qr/\A404\n\{.*\}\n\z/s,
    'the protocol is a line, and a status with a line of JSON';
