# SPDX-License-Identifier: Apache-2.0
# A parameter that is unknown, doubled or malformed is answered 400, by a
# problem that names it and says what is allowed; nothing rotates or stops.
#
# Under one MPM: it has no part in how a query is read.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(await);

# query, and what the problem's detail must tell
my @both = (
    ['&',                   'no parameter', 'wait', 'json'],
    ['&&&',                 "'&&&'", 'wait', 'json'],
    ['speed=1',             'speed', 'wait', 'json'],
    ['wait=1&speed=1',      'speed', 'wait', 'json'],
    ['Wait=1',              'Wait',  'wait', 'json'],
    ['JSON',                'JSON',  'wait', 'json'],
    ['%00',                 'wait',  'json'],
    ['=',                   'wait',  'json'],
    ['=1',                  'wait',  'json'],
    ['wait=1&wait=1',       'wait',  'twice'],
    ['json&json',           'json',  'twice'],
    ['wait=1&json&wait=2',  'wait',  'twice'],
    ['json=1',              'json',  'no value'],
    ['json=true',           'json',  'no value'],
    ['wait',                'wait',  'number of seconds'],
    ['wait=',               'wait',  'number of seconds'],
    ['wait=-1',             'wait',  '-1', 'number of seconds'],
    ['wait=%2B1',           'wait',  '+1', 'number of seconds'],
    ['wait=soon',           'wait',  'soon', 'number of seconds'],
    ['wait=1s',             'wait',  '1s', 'number of seconds'],
    ['wait=1e3',            'wait',  '1e3', 'number of seconds'],
    ['wait=0x10',           'wait',  '0x10', 'number of seconds'],
    ['wait=1,5',            'wait',  '1,5', 'number of seconds'],
    ['wait=.5',             'wait',  '.5', 'number of seconds'],
    ['wait=5.',             'wait',  '5.', 'number of seconds'],
    ['wait=1.2.3',          'wait',  '1.2.3', 'number of seconds'],
    ['wait=0.1234567',      'wait',  '0.1234567', 'six decimals'],
    ['wait=1%00',           'wait', '%00'],
    ['wait=%zz',            'wait'],
    ['wait=' . '9' x 2000,  'wait',  'number of seconds'],
    ['wait=nan',            'wait',  'nan', 'number of seconds'],
    ['wait=inf',            'wait',  'inf', 'number of seconds'],
    ['wait=%20 1' =~ s/ //r, 'wait', 'number of seconds'],
    ['x' x 4000 . '=1',     'wait',  'json'],
    ['%3Cscript%3E=1',      'wait',  'json'],
);
my @rotate = (
    ['wait=31536001',       'wait',  '31536001', '31536000'],
    ['wait=31536000.1',     'wait',  '31536000'],
    ['wait=9223372036854775808',    'wait', '31536000'],
    ['wait=18446744073709551617',   'wait', '31536000'],
    ['load',                'load', '1 to 100'],
    ['load=',               'load', '1 to 100'],
    ['load=0',              'load', '1 to 100'],
    ['load=101',            'load', '101', '1 to 100'],
    ['load=-5',             'load', '-5', '1 to 100'],
    ['load=0.5',            'load', '0.5', 'whole', '1 to 100'],
    ['load=20%25',          'load', '20%', '1 to 100'],
    ['load=full',           'load', 'full', '1 to 100'],
    ['load=18446744073709551617', 'load', '1 to 100'],
    ['load=5&load=6',       'load', 'twice'],
    ['speed=1',             'speed', 'wait', 'load', 'json'],
);
my @stop = (
    ['wait=301',            'wait', '301', '0 to 300'],
    ['wait=300.000001',     'wait', '0 to 300'],
    ['wait=18446744073709551617', 'wait', '0 to 300'],
    ['load=5',              'load', 'id', 'wait', 'json'],
    ['id',                  'id', 'number'],
    ['id=',                 'id', 'number'],
    ['id=0',                'id', 'number'],
    ['id=-1',               'id', 'number'],
    ['id=one',              'id', 'one', 'number'],
    ['id=1.0',              'id', 'number'],
    ['id=0x1',              'id', 'number'],
    ['id=9007199254740993', 'id', 'number'],
    ['id=18446744073709551617', 'id', 'number'],
    ['id=1&id=2',           'id', 'twice'],
    ['name=red&id=one',     'id', 'one', 'number'],
    ['colour=red',          'colour', 'name', 'id', 'client', 'older'],
);
my @table = (
    (map { ["/rotate?$_->[0]",     @$_[1 .. $#$_]] } @both),
    (map { ["/rotate/red?$_->[0]", @$_[1 .. $#$_]] } @both[0 .. 3]),
    (map { ["/rotate?$_->[0]",     @$_[1 .. $#$_]] } @rotate),
    (map { ["/stop?$_->[0]",       @$_[1 .. $#$_]] } @both, @stop),
    (map { ["/stop/red?$_->[0]",   @$_[1 .. $#$_]] } @both[0 .. 3]),
    ['/rotate?id=1',     'id', 'wait', 'json'],
    ['/rotate/red?id=1', 'id', 'wait', 'json'],
    ['/stop/red?name=red', 'name', 'path'],
);

# Odd, and allowed.
my @fine = (
    '?wait=0&', '?&wait=0', '?wait=0&&json', '?wait=%30',
    '?wait=000', '?wait=0.000000', '?json=&wait=0', '/red?wait=0'
);
plan tests => 2 * @table + @fine + 3, need_module 'wheel';

my $server   = WheelTest->shared;
my ($wheel)  = $server->rotate(1, '/rotate/red');
my $started  = $server->status->{totals}{started};
for my $row (@table) {
    my ($target, @told) = @$row;
    my $short  = substr $target, 0, 50;
    my $answer = $server->get($target);
    is $answer->status, 400, "$short is a bad request";
    my $detail = eval { $answer->json->{detail} } // '';
    is join(' ', grep { index($detail, $_) < 0 } @told), '',
        "$short: the problem tells @told"
        or diag $answer->body;
}
is $server->status->{totals}{started}, $started,
    'no wheel has rotated for them';
is $server->rotating, 1, 'and none was stopped';
$server->get('/stop');
is await($wheel), 1, 'until somebody asked in the right words';

for my $query (@fine) {
    is $server->get("/rotate$query")->status, 200, "/rotate$query is fine";
}
