# SPDX-License-Identifier: Apache-2.0
# A module that is only loaded serves nothing, starts nothing, and changes no
# answer of the server.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();
use WheelTest qw(thread_ids wait_until);

my @asked = (
    [GET     => '/'],
    [GET     => '/index.html'],
    [HEAD    => '/index.html'],
    [POST    => '/index.html'],
    [OPTIONS => '/index.html'],
    [DELETE  => '/index.html'],
    [GET     => '/rotate'],
    [POST    => '/rotate'],
    [HEAD    => '/rotate'],
    [GET     => '/rotate/red'],
    [GET     => '/stop'],
    [GET     => '/stop?id=1'],
    [GET     => '/wheel-status'],
    [GET     => '/wheel-status?json'],
    [GET     => '/rotate?wait=0'],
    [GET     => '/index.html/rotate'],
    [BREW    => '/rotate'],
);
plan tests => @asked + 5, need_module 'wheel';

my %server = map { $_ => WheelServer->started(addresses => 0, wheel => $_) }
    (0, 1);
my %said = map { $_ => [] } keys %server;
for my $row (@asked) {
    my %answer = map { $_ => $server{$_}->request(@$row) } keys %server;
    is_deeply facts($answer{1}), facts($answer{0}),
        "@$row: with the module as without it";
}

my ($with, $without) = map { $server{$_} } (1, 0);
wait_until { $_->workers <= threads_of($_) } for $with, $without;
ok wait_until { threads_of($with) == threads_of($without) },
    'it starts no thread';
is scalar(() = $with->children), scalar(() = $without->children),
    'and no process';
is_deeply files_of($with), [sort @{ files_of($without) }, 'run/wheel-ids'],
    'it leaves no file but that of the ids';
is complaints($with), complaints($without), 'and nothing in the log';
my $end = $with->stop && $without->stop;
ok $end, 'both servers stop by themselves';

# Everything of an answer but what differs from server to server anyway.
sub facts {
    my ($answer) = @_;
    my %header = %{ $answer->{headers} };
    delete @header{qw(date last-modified etag)};
    # Its order is that of a hash with a seed of its own in each server.
    $header{allow} = join ',', sort split /,/, $header{allow}
        if $header{allow};
    my $body = $answer->body =~ s/Port \d+/Port N/gr;
    return [$answer->{status_line}, $body, \%header];
}

sub threads_of {
    my ($server) = @_;
    return scalar map { thread_ids($_) } $server->children;
}

sub files_of {
    my ($server) = @_;
    my $dir = $server->dir;
    return [map {s{^\Q$dir\E/}{}r} sort glob "$dir/* $dir/*/*"];
}

sub complaints {
    my ($server) = @_;
    return scalar grep {/:(?:warn|error|crit|alert|emerg)\]/} split /\n/,
        $server->error_log;
}
