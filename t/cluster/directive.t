# SPDX-License-Identifier: Apache-2.0
# httpd -t knows WheelCluster: right values pass; wrong ones are refused by a
# message that says what is allowed and shows no password.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(redis_module_file spew);
use WheelPlan;
use WheelServer ();

my $load  = 'LoadModule wheel_redis_module "' . redis_module_file() . '"';
my @right = (
    'redis://127.0.0.1', 'redis://[::1]:6380/3',
    'redis://user:pass%40word@example.com:6379',
    'unix:/run/redis/redis.sock db=2 user=me password-file=/etc/hostname',
    'redis://h key={a}:b host=one timeout=250ms length=100 lost=stop',
);

# What is wrong, and words of the message.
my @wrong = (
    ['',                            'first word', 'redis://'],
    ['localhost',                   'first word', 'redis://'],
    ['redis:',                      'first word'],
    ['redis://:99',                 'redis://[USER[:PASSWORD]@]HOST'],
    ['redis://h:0',                 'port', '1 to 65535'],
    ['redis://u:sesame@h:65536',    'port', '1 to 65535'],
    ['redis://h:4294973675',        'port', '1 to 65535'],
    ['redis://h/x',                 'database', '0 to 65535'],
    ['redis://h/+5',                'database', '0 to 65535'],
    ['redis://h/-0',                'database', '0 to 65535'],
    ['redis:/',                     'redis://[USER[:PASSWORD]@]HOST'],
    ['redis:/sesame',               'redis://[USER[:PASSWORD]@]HOST'],
    ['redis://u:se/same@h',         'redis://[USER[:PASSWORD]@]HOST', '%XX'],
    ['redis://u:12/sesame@h',       'redis://[USER[:PASSWORD]@]HOST'],
    ['redis://u:sesame/0',          'redis://[USER[:PASSWORD]@]HOST'],
    ['redis://u:s?sesame@h',        'redis://[USER[:PASSWORD]@]HOST'],
    ['redis://u:sesame%zz@h',       'redis://[USER[:PASSWORD]@]HOST', '%XX'],
    ['redis://u%2:sesame@h',        'redis://[USER[:PASSWORD]@]HOST', '%XX'],
    ['redis://u:pass sesame@h',     'key=, host='],
    ['u:sesame@h',                  'first word'],
    ['sesame:6379',                 'first word'],
    ['unix:u:sesame@/run/redis',    'first word'],
    ['unix://u:sesame@/run/redis',  'has no @'],
    ['redis://h?db=1',              'redis://[USER[:PASSWORD]@]HOST'],
    ['redis://me@h',                'needs a password'],
    ['redis://h password-file=/dev/null', 'no password', '/dev/null'],
    ['unix:relative',               'first word', 'unix:/PATH'],
    ['unix:/' . 'x' x 120,          'at most 107 bytes'],
    ['nats://u:sesame@h',                    "'nats:'", 'LoadModule'],
    ['redis://h key=',              'key', '1 to 100'],
    ['redis://h key=a/b',           "'a/b'", 'slashes'],
    ['redis://h "host=a b"',        "'a b'", 'blanks'],
    ['redis://h timeout=0',         "'0'", '10ms to 60s'],
    ['redis://h timeout=61s',       "'61s'", '10ms to 60s'],
    ['redis://h length=99',         "'99'", '100 to 1000000'],
    ['redis://h db=-1',             "'-1'", '0 to 65535'],
    ['redis://h lost=perhaps',      "'perhaps'", 'keep, stop'],
    ['redis://h password-file=',    'password-file', 'path of a file'],
    ['redis://h password-file=/nowhere', "'/nowhere'", 'path of a file'],
    ['redis://h color=red',         'key=, host=', 'lost='],
    ['redis://u:sesame@h/x lost=1', 'keep, stop'],
);

plan tests => @right + 2 * @wrong + 5, need_module 'wheel';

my $server = WheelServer->new(addresses => 0);

sub check {
    my (@lines) = @_;
    $server->configure(config => join "\n", @lines, '');
    return $server->check;
}

for my $right (@right) {
    my ($code, $words) = check($load, "WheelCluster $right");
    is $code, 0, "WheelCluster $right passes" or diag $words;
}
for my $case (@wrong) {
    my ($value, @words) = @$case;
    my ($code, $said) = check($load, "WheelCluster $value");
    isnt $code, 0, "WheelCluster $value is refused";
    is_deeply [grep { index($said, $_) < 0 } 'WheelCluster', @words], [],
        "and the message has: @words" or diag $said;
    $said =~ m{sesame|/same|same@} and fail 'the message shows the password';
}

my ($code, $said) = check('WheelCluster redis://u:sesame@h');
isnt $code, 0, 'a provider that is not loaded is missed at once';
like $said, qr/WH0080.*wheel_redis_module/, 'the message says what to load';
($code) = check($load, '<VirtualHost *:8080>', 'WheelCluster redis://h',
    '</VirtualHost>');
isnt $code, 0, 'it is one for the whole server';

my $long = spew($server->dir . '/long', 'x' x 8191);
($code, $said) = check($load, "WheelCluster redis://h password-file=$long");
isnt $code, 0, 'a password is never taken in part';
like $said, qr/WH0081: .* 1 to 8190 bytes/, 'and the message has its limit';
