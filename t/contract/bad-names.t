# SPDX-License-Identifier: Apache-2.0
# A name that isn't 1 to 63 of A-Z a-z 0-9 . _ - is answered 404, and nothing of
# it comes back unescaped.
#
# Under one MPM: it has no part in what a path means.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest qw(collect);

# httpd itself refuses an escaped slash and a NUL, with an answer of its own.
my @bad = (
    ['', 'no name at all'],
    ['x' x 64, 'one letter too many'],
    ['x' x 4000, 'four thousand letters'],
    ['red/', 'a slash behind it'],
    ['red/blue', 'two names'],
    ['%20', 'a blank'],
    ['red%20', 'a blank behind it'],
    ['a+b', 'a plus'],
    ['a%2Bb', 'an escaped plus'],
    ['r%C3%B6d', 'a letter of another alphabet'],
    ['%FF%FE', 'bytes that are no UTF-8'],
    ['red%0d%0aSet-Cookie:%20a=b', 'a line break'],
    ['%22%7D%2C', 'the end of a JSON string'],
    ['%3Cscript%3Ealert(1)%3C', 'a script'],
    ["red%09", 'a tab'],
    ['%7F', 'a control character'],
    ['a%25b', 'a percent sign'],
    ['a:b', 'a colon'],
    ['a;b', 'a semicolon'],
    ['a~b', 'a tilde'],
    ["a'b", 'a quote'],
    ['*', 'a star'],
);

# Names that look odd, and are allowed.
my @good = ('a', 'Z', '0', '-', '_', '...', '.hidden', '..x', '--', 'stop',
    'index.html', '%72%65%64', 'x' x 63);

plan tests => 3 * @bad + 2 * @good + 4, need_module 'wheel';

my $server  = WheelTest->shared;
my $started = $server->status->{totals}{started};
for my $row (@bad) {
    my ($name, $what) = @$row;
    for my $path (qw(/rotate /stop)) {
        my $answer = $server->get("$path/$name");
        is $answer->status, 404, "$path/ with $what is not found";
        next if $path eq '/stop';
        ok is_clean($answer), "$path/ with $what is told in clean JSON"
            or diag $answer->{status_line}, ' ', $answer->body;
    }
}
is $server->status->{totals}{started}, $started, 'no such wheel has rotated';

for my $name (@good) {
    my $short  = length $name > 20 ? '63 letters' : $name;
    my $answer = $server->get("/rotate/$name?wait=0&json");
    is $answer->status, 200, "a wheel may be called $short";
    is $answer->json->{name}, $name =~ s/%(..)/chr hex $1/egr,
        "and that is its name: $short";
}

for my $target ('/rotate/a%2Fb', '/stop/a%2Fb', '/rotate/a%00b') {
    cmp_ok $server->get($target)->status, '>=', 400, "$target is refused";
}

# One line of printable ASCII that is a problem, and no header that came with
# the name.
sub is_clean {
    my ($answer) = @_;
    return
           $answer->header('Content-Type') eq 'application/problem+json'
        && $answer->body =~ /\A[\x20-\x7e\n]*\z/
        && !defined $answer->header('Set-Cookie')
        && $answer->json->{status} == 404;
}
