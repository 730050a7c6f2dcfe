# SPDX-License-Identifier: Apache-2.0
# Every form of the status tells the version of mod_wheel.
#
# Under one MPM: it has no part in what is told.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir slurp);
use WheelPlan;
use WheelTest ();

my ($version) = slurp(checkout_dir() . '/mod_wheel/CHANGES')
    =~ /\AChanges with mod_wheel (\S+)/;
my $word  = qr/(?<![\d.])\Q$version\E(?![\d.])/;
my @table = (
    ['/wheel-status',             qr/mod_wheel $word/],
    ['/wheel-status?json',        qr/"version":"$word"/],
    ['/wheel-status?auto',        qr/^WheelVersion: $word$/m],
    ['/wheel-status?openmetrics', qr/^wheel_build_info\{version="$word"\} 1$/m],
    ['/server-status',            qr/mod_wheel $word/],
    ['/server-status?notable',    qr/mod_wheel $word/],
    ['/server-status?auto',       qr/^WheelVersion: $word$/m],
);
plan tests => @table + 2, need_module 'wheel';

my $server = WheelTest->shared;
like $server->get($_->[0])->body, $_->[1], "$_->[0] tells it" for @table;
my $old = $server->get('/wheel-status',
    headers => [Accept => 'text/plain; version=0.0.4'])->body;
like $old, qr/^# TYPE wheel_build_info gauge$/m,
    'the older format of metrics has it, too';
like $old, qr/^wheel_build_info\{version="$word"\} 1$/m, 'as a gauge';
