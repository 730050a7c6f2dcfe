# SPDX-License-Identifier: Apache-2.0
# httpd -t knows every directive: right values pass; wrong ones are refused by a
# message that names the directive, the value and what is allowed.
#
# Under one MPM: the configuration is checked before any process is made.

use strict;
use warnings FATAL => 'all';

use List::Util qw(max);
use WheelPlan;
use WheelServer ();

# What passes.
my @right = (
    [WheelMax          => qw(1 128 10000000)],
    [WheelReserve      => qw(0 1 7)],
    [WheelMaxPerClient => qw(0 1 10000000)],
    [WheelTimeout      => qw(0 1 30 30s 500ms 10min 2h 8760h)],
    [WheelLookWarning  => qw(0 1 500ms 10min 8760h)],
    [WheelScheduling   => qw(idle batch normal IDLE Normal)],
    [WheelOnDisconnect => qw(stop continue Stop)],
    [WheelCrossSite => qw(refuse allow Allow)],
    [WheelForwarded => qw(refuse allow Refuse)],
    [WheelOnRestart    => qw(stop continue CONTINUE)],
    [WheelProxy        => qw(on off On)],
    [WheelControl      => 'off', 'Off', 'wheel.sock', '/nowhere/wheel.sock',
        'wheel.sock mode=0600', 'wheel.sock group=daemon',
        'wheel.sock group=daemon mode=0660'],
);

# What is refused, and what the message tells.
my @whole = ('"-1"', '1.5', '1x', 'all', '0x10', '10000001',
    '99999999999999999999', '"1 "');
my @wrong = (
    (map { [WheelMax          => $_, '10000000'] } @whole, '0'),
    (map { [WheelReserve      => $_, '10000000'] } @whole),
    (map { [WheelMaxPerClient => $_, '10000000'] } @whole),
    (map { [WheelTimeout      => $_, '8760h'] }
        '"-1"', '-1s', 'soon', '1.5', '5parsec', '8761h',
        '99999999999999999999'),
    (map { [WheelLookWarning  => $_, '8760h'] } 'never', '-1s', '8761h'),
    (map { [WheelScheduling   => $_, 'idle', 'batch', 'normal'] }
        'fast', '0'),
    (map { [WheelOnDisconnect => $_, 'stop', 'continue'] } 'on', 'stopped'),
    (map { [$_ => 'on', 'refuse', 'allow'] } 'WheelCrossSite',
        'WheelForwarded'),
    (map { [WheelProxy        => $_, 'on', 'off'] } 'yes', '1'),
    (map { [WheelOnRestart    => $_, 'stop', 'continue'] } 'off', 'on'),
    (map { [WheelControl => "wheel.sock mode=$_", '0600', '0660'] }
        qw(0666 0777 0602 0620 660x 0 rw), ''),
    [WheelControl => 'wheel.sock group=no_such_group', 'no group'],
    [WheelControl => 'wheel.sock group=daemon mode=0600', 'keeps the group'],
    [WheelControl => 'wheel.sock user=daemon', 'mode=', 'group='],
    [WheelControl => '/' . 'x' x 107, '108 bytes', '107 at most'],
    [WheelControl => '""', 'path', 'off'],
    [WheelControl => 'off mode=0600', 'mode=0600', 'off'],
    [WheelReserve => '8', 'MaxRequestWorkers'],
    [WheelReserve => '9', 'MaxRequestWorkers'],
);

# Where a directive may not stand, and the wrong number of values.
my @server_only = (
    'WheelMax 1', 'WheelReserve 1', 'WheelMaxPerClient 1', 'WheelOnRestart stop',
    'WheelLookWarning 1',
    'WheelControl off'
);
my @misplaced = (
    map {
        my $directive = $_;
        map { ["$_->[0]\n$directive\n$_->[1]", $directive =~ s/ .*//r] }
            ['<Location /x>', '</Location>'],
        ['<Directory /x>',       '</Directory>'],
        ['<VirtualHost *:8080>', '</VirtualHost>']
    } @server_only
);
my @anywhere  = grep { $_ ne 'WheelControl' } map { $_->[0] } @right;
my @miscounted = map { (["$_", $_], ["$_ 1 1 1", $_]) } @anywhere;
my @everywhere = (
    'WheelTimeout 5', 'WheelScheduling batch', 'WheelOnDisconnect continue',
    'WheelProxy on'
);
my $rounds = max map { @$_ - 1 } @right;
plan tests => $rounds + 2 * @wrong + @misplaced + @miscounted + 3,
    need_module 'wheel';

my $server = WheelServer->new(processes => 2, threads => 4);

# A value of each directive at once: what is wrong is named.
for my $n (1 .. $rounds) {
    my @lines = map { defined $_->[$n] ? "$_->[0] $_->[$n]" : () } @right;
    my ($code, $words) = check(join "\n", @lines);
    is $code, 0, join(', ', @lines) . ': right' or diag $words;
}
for my $row (@wrong) {
    my ($directive, $value, @told) = @$row;
    my ($code, $words) = check("$directive $value");
    isnt $code, 0, "$directive $value is wrong";
    my $bare = (split / /, $value =~ s/^"|"$//gr)[-1] // '';
    is join(' ', grep { index($words, $_) < 0 } $directive, $bare, @told), '',
        "$directive $value: told by name, value and @told"
        or diag $words;
}
for my $row (@misplaced) {
    my ($config, $directive) = @$row;
    my ($code, $words) = check($config);
    ok $code && $words =~ /\Q$directive\E.*(?:not allowed|cannot occur)/,
        "refused: " . $config =~ s/\n/ /gr
        or diag $words;
}
for my $row (@miscounted) {
    my ($config, $directive) = @$row;
    my ($code, $words) = check($config);
    ok $code && $words =~ /\Q$directive\E takes (?:one|1-2) argument/,
        "refused: '$config' has no value, or too many"
        or diag $words;
}
for my $section (
    ['<Location /x>', '</Location>'], ['<Directory /x>', '</Directory>'],
    ['<VirtualHost *:8080>', '</VirtualHost>'])
{
    my ($code, $words) = check(join "\n", $section->[0], @everywhere,
        $section->[1]);
    is $code, 0, "in $section->[0] stand @everywhere" or diag $words;
}

sub check {
    my ($config) = @_;
    return $server->configure(config => "$config\n")->check;
}
