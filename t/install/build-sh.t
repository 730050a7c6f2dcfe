# SPDX-License-Identifier: Apache-2.0
# build.sh refuses a wrong command, an argument too many and wrong settings at
# once, and its message names what is wrong and what is allowed.
#
# Under one MPM: none of this starts a server.

use strict;
use warnings FATAL => 'all';

use POSIX ();
use WheelHttpd qw(checkout_dir);
use WheelPlan;

my $usage = qr/^Usage: \.\/build\.sh COMMAND$/m;
my $port  = qr/it must be a number from 1 to 65535/;

# Settings, arguments, exit code, and what is said.
my @wrong = (
    [[],                      [],              2, qr/which command\?/, $usage],
    [[],                      ['serve'],       2, qr/'serve'/, $usage],
    [[],                      [qw(run 9000)],  2, qr/'run'.*'9000'/, $usage],
    [[],                      [qw(deb x y)],   2, qr/'deb'.*'x y'/, $usage],
    [['WHEEL_PORT=http'],     ['run'],         1, qr/'http'/, $port],
    [['WHEEL_PORT=0'],        ['run'],         1, qr/'0'/, $port],
    [['WHEEL_PORT=65536'],    ['run'],         1, qr/'65536'/, $port],
    [['WHEEL_MPM=itk'],       ['run'],         1, qr/'itk'/,
        qr/prefork, worker or event/],
    [['WHEEL_REDIS=redis'],   ['run'],         1, qr/'redis'/, qr/HOST:PORT/],
);

plan tests => 3 * @wrong + 2;

for my $case (@wrong) {
    my ($settings, $arguments, $code, @said) = @$case;
    my ($got, $out) = build_sh($settings, @$arguments);
    is $got, $code, "@$settings build.sh @$arguments: exit code $code";
    like $out, $_, 'and it is said' for @said;
}

my ($code, $out) = build_sh([], 'help');
is $code, 0, 'help';
like $out, $usage, 'is there';

sub build_sh {
    my ($settings, @arguments) = @_;
    my $pid = open my $from, '-|' // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec 'env', @$settings, checkout_dir() . '/build.sh', @arguments
            or POSIX::_exit(127);
    }
    my $said = do { local $/; <$from> };
    close $from;
    return ($? >> 8, $said);
}
