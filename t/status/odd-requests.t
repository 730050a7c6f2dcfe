# SPDX-License-Identifier: Apache-2.0
# wheel-status refuses a query that it doesn't know by a problem of RFC 9457
# that names what is wrong and what is allowed, whatever bytes the request has.
#
# Under one MPM: it has no part in how a query is read.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest;

# query, what the detail says of it
my @queries = (
    ['?jsno',            qr/'jsno'.*json, openmetrics, auto, refresh/],
    ['?JSON',            qr/'JSON'/],
    ['?json&extra=1',    qr/'extra'/],
    ['?json&json',       qr/'json'.*twice/],
    ['?json&auto',       qr/json, openmetrics, auto and refresh exclude/],
    ['?refresh=2&json',  qr/exclude/],
    ['?json=1',          qr/json: .*'1'/],
    ['?auto=yes',        qr/auto: .*'yes'/],
    ['?refresh',         qr/refresh: ''.*1 to 3600/],
    ['?refresh=0',       qr/refresh: '0'/],
    ['?refresh=3601',    qr/refresh: '3601'/],
    ['?refresh=-1',      qr/refresh: '-1'/],
    ['?refresh=2.5',     qr/refresh: '2.5'/],
    ['?refresh=99999999999999999999', qr/refresh: '99999999999999999999'/],
    ['?<script>alert(1)</script>', qr/'<script>alert\(1\)<\/script>'/],
    ['?refresh=%22%3E%3Cb%3E',  qr/refresh: '"><b>'/],
    ['?refresh=a%0D%0AX:%20y',  qr/refresh: 'a\\x0d\\x0aX: y'/],
    ['?refresh=%1b%5b31m',      qr/refresh: '\\x1b\[31m'/],
    ['?refresh=%C3%28%FF%FE',   qr/refresh: '\\xc3\(\\xff\\xfe'/],
    ['?refresh=%5C',            qr/refresh: '\\\\'/],
    ["?refresh=\x80",           qr/refresh: '\\x80'/],
    ['?' . 'x' x 5000,          qr/'x{20,200}'/],
    ['?json=' . 'x' x 5000,     qr/json: .*'x{20,200}'/],
);
my @methods = qw(POST PUT DELETE PATCH BREW);

plan tests => 6 * @queries + 4 * @methods + 2, need_module 'wheel';

my $server = WheelTest->shared;

for my $row (@queries) {
    my ($query, $says) = @$row;
    my $shown  = length $query > 60 ? substr($query, 0, 60) . '...' : $query;
    $shown =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    my $answer = $server->get("/wheel-status$query");
    is $answer->status, 400, "$shown is refused";
    is $answer->header('Content-Type'), 'application/problem+json',
        'with a problem';
    unlike $answer->body, qr/[^ -~]/, 'of printable characters';
    my $problem = eval { $answer->json } // {};
    is_deeply [sort keys %$problem], [qw(detail status title type)],
        'that has the members of RFC 9457';
    is $problem->{status}, 400, 'and the status';
    like $problem->{detail}, $says, 'and says what is wrong';
}

for my $method (@methods) {
    my $answer = $server->request($method => '/wheel-status?json');
    is $answer->status, 405, "$method is not allowed";
    is $answer->header('Allow'), 'GET, HEAD', 'but GET and HEAD are';
    is $answer->header('Content-Type'), 'application/problem+json',
        'as a problem says';
    like $answer->json->{detail}, qr/\Q$method\E/, 'that names the method';
}

my $options = $server->request(OPTIONS => '/wheel-status');
is $options->status, 200, 'OPTIONS is answered';
is $options->header('Allow'), 'GET, HEAD, OPTIONS', 'with what is allowed';
