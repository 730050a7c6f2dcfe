# SPDX-License-Identifier: Apache-2.0
# A wrong value of a directive is refused by httpd -t, with a message that names
# the directive, the option, the value and what is allowed; the manual says that,
# too.
#
# Under one MPM: it has no part in how directives are read.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir slurp);
use WheelPlan;
use WheelServer ();

my $time  = 'is not 0 or a time from 1ms to 8760h, such as 30, 500ms, 10min'
    . ' or 2h';
my $steps = 'allowed are none alone, or one or more of: cut, cooldown, where';
my $words = 'stop, log, cooldown, drain';

# A line, and the message without the directive.
my @wrong = (
    ['WheelMax 0',            "'0' is not a whole number from 1 to 10000000"],
    ['WheelMax 10000001',     'from 1 to 10000000'],
    ['WheelCluster redis://h length=99', "length='99' is not"],
    ['WheelCluster redis://h db=65536', "db='65536' is not"],
    ['WheelCluster redis://h timeout=61', "timeout='61' is not"],
    ['WheelCluster redis://h key=' . 'x' x 101, 'is not 1 to 100 printable'],
    ['WheelMax 1.5',          "'1.5' is not a whole number from 1 to"],
    ['WheelReserve -1',       "'-1' is not a whole number from 0 to"],
    ['WheelReserve 100000',   '100000 leaves no worker for a wheel'],
    ['WheelMaxPerClient x',   "'x' is not a whole number from 0 to"],
    ['WheelOnRestart no',     "'no' is not one of: continue, stop"],
    ['WheelScheduling rt',    "'rt' is not one of: idle, batch, normal"],
    ['WheelOnDisconnect no',  "'no' is not one of: stop, continue"],
    ['WheelCrossSite no',     "'no' is not one of: refuse, allow"],
    ['WheelForwarded no',     "'no' is not one of: refuse, allow"],
    ['WheelProxy yes',        "'yes' is not one of: on, off"],
    ['WheelWhere yes',        "'yes' is not one of: on, off"],
    ['WheelRequests on where=here', "where='here' is not one of: none, log"],
    ['WheelRequests on slow=1s when=log',
        "'when=log' is not slow=TIME, where=log or where=none"],
    ['WheelLookWarning 1x',   "'1x' $time"],
    ['WheelTimeout 9000h',    "'9000h' $time"],
    ['WheelTimeout 9 action=no', "action='no' is not one of: $words"],
    ['WheelCpuLimit 9 log',   "'log' is not action=stop, action=log"],
    ['WheelCpuLimit -1',      "'-1' $time"],
    ['WheelRequests yes',     "'yes' is not one of: on, off"],
    ['WheelRequests on x=1',  "'x=1' is not slow=TIME"],
    ['WheelRequests on slow=x', "slow='x' $time"],
    ['WheelOnStop cut',       "'cut' is out of place"],
    ['WheelOnStop refuse cut', "'cut' is out of place"],
    ['WheelOnStop refuse interrupt=x', "interrupt='x' $time"],
    ['WheelOnStop refuse interrupt=5s cut',
        'cut is due 500 ms after a stop, earlier than interrupt=5s'],
    ['WheelPrivileged all',   "'all' is not one of: none, cut, cooldown"],
    ['WheelPrivileged none cut', "'none' stands beside others; $steps"],
    ['WheelPrivileged cut none', "'none' stands beside others; $steps"],
    ['WheelPrivileged',       "'' names nothing; $steps"],
    ['WheelFpmStatus fcgi://127.0.0.1:+9/status', 'number from 1 to 65535'],
    ['WheelFpmStatus unix:php.sock|fcgi://localhost/status',
        'does not begin with a slash'],
    ['WheelFpmStatus http:',  "'http:': it is neither fcgi://ADDRESS:PORT/"],
    ['WheelControl s mode=1', 'mode=1 is not one of: 0600, 0660'],
    ['WheelControl s mode=0600 mode=0660', 'mode= is given twice'],
    ['WheelControl s group=root group=root', 'group= is given twice'],
    ['WheelControl s size=1', "'size=1' is not one of: mode=, group="],
    ['WheelControl off mode=0600', "'mode=0600' stands behind off"],
    ['WheelControl on',       "'on' is not the path of a socket, or off"],
    ['WheelControl group=root', "'group=root' is not the path of a socket"],
    ['WheelRequests on slow=1s slow=2s', 'slow= is given twice'],
    ['WheelRequests on where=log where=none', 'where= is given twice'],
    ['WheelCluster redis://h key=a key=b', 'key= is given twice'],
    ['WheelCluster redis://h password-file=/', "'/' is not the path of a file"],
    ['WheelControl ' . 'x' x 120, 'that of a local socket has 107 at most'],
);

plan tests => 2 * @wrong + 1, need_module 'wheel';

my $server = WheelServer->new(addresses => 0);
my ($all, @sections) = split /^## /m,
    slurp(checkout_dir() . '/mod_wheel/doc/directives.md') =~ s/`//gr;
my %manual = map { /\A(\w+)/ => "$all$_" } @sections;
my %untold;

for my $case (@wrong) {
    my ($line, $message) = @$case;
    my ($directive) = $line =~ /^(\w+)/;
    $server->configure(config => "$line\n");
    my ($code, $said) = $server->check;
    isnt $code, 0, "$line is refused";
    like $said, qr/\Q$directive\E: [^\n]*\Q$message\E/,
        'and the message says why';
    my ($range) = $said =~ /is not .*?\b(\d\w* to \d\w*)/;
    $untold{"$directive: $range"} = 1
        if $range && $manual{$directive} !~ /\b\Q$range\E\b/;
}
is join(', ', sort keys %untold), '', 'the manual has each range';
