# SPDX-License-Identifier: Apache-2.0
# What needs a step that WheelPrivileged does not name is left out: httpd -t and
# each start say so in one line.
#
# Under one MPM: it has no part in how directives are read.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();

# Lines, and what the warning names
my @table = (
    ['WheelOnStop refuse interrupt cut', 'cut (WheelOnStop'],
    ['WheelOnStop refuse interrupt cooldown=9', 'cooldown (WheelOnStop'],
    ['WheelOnStop refuse interrupt drain', undef],
    ["WheelOnStop refuse interrupt cut\nWheelPrivileged cut", undef],
    ["WheelOnStop refuse interrupt cut\nWheelPrivileged cooldown",
        'cut (WheelOnStop'],
    ["WheelOnStop refuse interrupt cut cooldown\nWheelPrivileged cut",
        'cooldown (WheelOnStop'],
    ['WheelTimeout 9 action=cooldown',  'cooldown (WheelTimeout'],
    ['WheelCpuLimit 9 action=cooldown', 'cooldown (WheelCpuLimit'],
    ['WheelCpuLimit 9 action=log',      undef],
    ['WheelWhere on',                   undef],
);
plan tests => 2 * @table + 6, need_module 'wheel';

my $server = WheelServer->new(addresses => 0);
for my $row (@table) {
    my ($lines, $named) = @$row;
    my ($code, $said) = check("WheelRequests on\n<Location \"/a\">\n"
        . "</Location>\n$lines\n");
    is $code, 0, join(', ', split /\n/, $lines) . ' is no error';
    $named
        ? like $said, qr/WH0032: WheelPrivileged does not name \Q$named\E in line/,
            "but a warning names $named ...)"
        : unlike $said, qr/WH0032/, 'and no warning';
}
unlike +(check("WheelOnStop refuse interrupt cut\n"))[1], qr/WH0032/,
    'nor without WheelRequests';

my $both = <<'END';
WheelRequests on
<Location "/a">
    WheelOnStop refuse interrupt cut cooldown
</Location>
<Location "/b">
    WheelOnStop refuse interrupt cut
    WheelCpuLimit 9 action=cooldown
</Location>
END
$server->configure(config => $both);
$server->start or die $server->error_log;
my @said = $server->error_log =~ /(WH0032: .*)/g;
is @said, 1, 'a start says all in one line';
like $said[0],
    qr/name cut \(WheelOnStop in line \d+ of \S+\), nor cooldown \(WheelOnStop /,
    'by the first directive for each';
$server->graceful;
ok $server->logs(qr/WH0032.*WH0032/s),
    'a restart says it again';
@said = $server->error_log =~ /WH0032: /g;
is @said, 2, 'once';
ok $server->stop, 'the server ends';

sub check {
    my ($config) = @_;
    $server->configure(config => $config);
    return $server->check;
}
