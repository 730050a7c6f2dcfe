# SPDX-License-Identifier: Apache-2.0
# The contract as a table: what is asked, and what is answered.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(wait_until);

my $number  = qr/\A"Your lucky number is [0-9]!"\z/;
my $stopped = qr/\A"Wheel\ running\ job\ stopped\.\ See\ the\ rotate\ request
    \ output\ now\ to\ see\ the\ lucky\ number\."\z/x;
my $json    = 'application/json';
my $problem = 'application/problem+json';
my $long    = 'x' x 63;

# method, target, status, type, body (a pattern) or part of the problem's
# detail, and headers that must (a pattern) or must not (undef) be there.
my %rotated = (
    'Wheel-Id'         => qr/\A[1-9]\d*\z/,
    'Wheel-Turns'      => qr/\A\d+\z/,
    'Wheel-Elapsed'    => qr/\A\d+\.\d{6}\z/,
    'Wheel-Stopped-By' => qr/\Adeadline\z/,
    'Wheel-Stopped'    => undef,
    'Allow'            => undef,
    'Retry-After'      => undef,
);
my %none_stopped = (
    'Wheel-Stopped' => qr/\A0\z/,
    'Wheel-Id'      => undef,
    'Wheel-Running' => undef,
    'Allow'         => undef,
);
my %failed = (
    'Wheel-Id'      => undef,
    'Wheel-Stopped' => undef,
    'Allow'         => undef,
);
my %method = (%failed, Allow => qr/\AGET, POST\z/);
my %options = (%failed, Allow => qr/\AGET, POST, OPTIONS\z/);
my @table  = (
    [GET  => '/rotate?wait=0',            200, $json, $number, %rotated],
    [POST => '/rotate?wait=0',            200, $json, $number, %rotated],
    [GET  => '/rotate/red?wait=0',        200, $json, $number, %rotated],
    [POST => '/rotate/red?wait=0.01',     200, $json, $number, %rotated],
    [GET  => '/rotate/A-z_0.9?wait=0',    200, $json, $number, %rotated],
    [GET  => "/rotate/$long?wait=0",      200, $json, $number, %rotated],
    [GET  => '/rotate?wait=0&json',       200, $json, qr/\A\{/, %rotated],
    [GET  => '/rotate?json&wait=0.01',    200, $json, qr/\A\{/, %rotated],
    [GET  => '/rotate/red?json&wait=0',   200, $json, qr/\A\{/, %rotated],
    [GET  => '/stop',                     200, $json, $stopped, %none_stopped],
    [POST => '/stop',                     200, $json, $stopped, %none_stopped],
    [GET  => '/stop?wait=1',              200, $json, $stopped, %none_stopped],
    [GET  => '/stop?json', 200, $json,
        qr/\A\{"stopped":\s*0,\s*"wheels":\s*\[\]\}\z/, %none_stopped],
    [GET    => '/stop/nobody',      404, $problem, 'nobody',   %failed],
    [POST   => '/stop/nobody',      404, $problem, 'nobody',   %failed],
    [GET    => '/stop/nobody?json', 404, $problem, 'nobody',   %failed],
    [GET    => '/stop?id=12345',    404, $problem, '12345',    %failed],
    [GET    => "/rotate/${long}x",  404, $problem, '63',       %failed],
    [GET    => "/stop/${long}x",    404, $problem, '63',       %failed],
    [GET    => '/rotate/',          404, $problem, '63',       %failed],
    [GET    => '/rotate?speed=2',   400, $problem, 'wait',     %failed],
    [HEAD   => '/rotate',           405, $problem, undef,      %method],
    [HEAD   => '/rotate/red',       405, $problem, undef,      %method],
    [HEAD   => '/stop',             405, $problem, undef,      %method],
    [PUT    => '/rotate',           405, $problem, 'PUT',      %method],
    [DELETE => '/rotate',           405, $problem, 'DELETE',   %method],
    [OPTIONS => '/rotate',          200, undef, qr/\A\z/, %options],
    [PATCH  => '/rotate/red',       405, $problem, 'PATCH',    %method],
    [BREW   => '/rotate',           405, $problem, 'BREW',     %method],
    [PUT    => '/stop',             405, $problem, 'PUT',      %method],
    [DELETE => '/stop',             405, $problem, 'DELETE',   %method],
    [DELETE => '/stop/red',         405, $problem, 'DELETE',   %method],
    [OPTIONS => '/stop/red',        200, undef, qr/\A\z/, %options],
    [PROPFIND => '/stop',           405, $problem, 'PROPFIND', %method],
);
plan tests => 7 * @table + 2, need_module 'wheel';

my $server  = WheelTest->shared;
my $started = $server->status->{totals}{started};

for my $row (@table) {
    my ($method, $target, $status, $type, $body, %header) = @$row;
    my $short  = length $target > 40 ? substr($target, 0, 40) . '...' : $target;
    my $asked  = "$method $short";
    my $answer = $server->request($method, $target);
    is $answer->status, $status, "$asked is answered $status";
    is $answer->header('Content-Type'), $type,
        "$asked: as " . ($type // 'nothing');
    is join(' ', $answer->headers_twice), '', "$asked: each header once";
    is $answer->header('Cache-Control'), 'no-store', "$asked: not to be stored";
    is $answer->header('Content-Length') // '',
        $method eq 'HEAD'
        ? $answer->header('Content-Length') // ''
        : length $answer->body,
        "$asked: with its length";
    check_body($asked, $answer, $status, $body);
    my @wrong = grep {
        my ($value, $wanted) = ($answer->header($_), $header{$_});
        defined $wanted
            ? !defined $value || $value !~ $wanted
            : defined $value
    } sort keys %header;
    is "@wrong", '', "$asked: with the right headers";
}

# A thread may take a moment to see that its wheel has ended.
ok wait_until { !$server->running }, 'nothing rotates after all that';
my $wheels = grep { $_->[2] == 200 && $_->[1] =~ /^.rotate/ && $_->[3] } @table;
is $server->status->{totals}{started} - $started, $wheels,
    'only what was answered 200 has ever rotated';

# A problem names itself by status and title, and says what is wrong.
sub check_body {
    my ($asked, $answer, $status, $body) = @_;
    if ($asked =~ /^HEAD/) {
        return is $answer->body, '', "$asked: without a body";
    }
    if ($status == 200) {
        return like $answer->body, $body, "$asked: in the right words";
    }
    my $said  = $answer->json;
    my %title = (
        400 => 'Bad Request', 404 => 'Not Found', 405 => 'Method Not Allowed'
    );
    my $fine = ($said->{status} // 0) == $status
        && ($said->{title} // '') eq $title{$status}
        && index($said->{detail} // '', $body) >= 0;
    ok $fine, "$asked: with a problem that tells '$body'"
        or diag $answer->body;
    return;
}
