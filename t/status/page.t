# SPDX-License-Identifier: Apache-2.0
# The page is plain HTML made by the server: no script, nothing from elsewhere,
# and a content policy that allows no more than its own style sheet.
#
# Under one MPM: it has no part in how the page is written.

use strict;
use warnings FATAL => 'all';

use Digest::SHA qw(sha256_base64);
use WheelMetrics qw(judge);
use WheelPlan;
use WheelTest qw(await wait_until);

plan tests => 24, need_module 'wheel';

my $server = WheelTest->shared;
$server->get('/rotate/ended?wait=0');
my ($wheel) = $server->rotate(1, '/rotate/page?wait=600');
my $running;
ok wait_until {
    ($running, my @more) = $server->running;
    $running->{thread} && !@more; # the other one may take a moment to be gone
}, 'a wheel rotates';

my $page = $server->get('/wheel-status');
my $html = $page->body;
my ($style) = $html =~ m{<style>(.*?)</style>}s;
my $hash = sha256_base64($style // '');
$hash .= '=' while length($hash) % 4;
my %policy = map { /\A\s*(\S+) (.*)\z/ ? ($1 => $2) : () } split /;/,
    $page->header('Content-Security-Policy');
is $policy{'default-src'}, q('none'), 'its policy allows nothing';
is $policy{'style-src'}, "'sha256-$hash'",
    'but the one style sheet that it has';
is $page->header('X-Content-Type-Options'), 'nosniff',
    'and browsers believe its type';
unlike $html, qr/<script|\bon\w+\s*=|style\s*=|javascript:/i,
    'it has no script and no style of single elements';
unlike $html, qr/(?:src|href)\s*=\s*"(?!\?)/i, 'and no address but its own';
like $html, qr/<meta name="color-scheme" content="light dark">/,
    'it goes by the light or dark of the system';
like $html, qr/<html lang="en">/, 'it tells its language';

# Every element that is opened is closed, in order.
my ($code, $words) = judge($html, '/usr/bin/python3', '-c', <<'END');
import sys
from html.parser import HTMLParser
class Checker(HTMLParser):
    open = []
    def handle_starttag(self, tag, attrs):
        if tag not in ('meta', 'hr'):
            self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag
checker = Checker()
checker.feed(sys.stdin.read())
checker.close()
assert not checker.open, checker.open
END
is "$code$words", '0', 'its elements are closed as they were opened';

my ($row) = grep { />\Q$running->{id}\E</ } $html =~ m{<tr>.*?</tr>}sg;
ok $row, 'the wheel has a row';
like $row, qr/<td[^>]*>\Q$_\E</, "with its $_"
    for 'page', '127.0.0.1', $running->{pid}, $running->{thread}, 'rotating',
    '600.000';
like $html, qr{Rotating</th><td[^>]*>1<.*?WheelMax \d+}s,
    'beside it stands how many may rotate';
like $html, qr{Running: 1</caption>}, 'how many do';
like $html, qr{>ended<.*>deadline<}, 'and what ended last';
$server->get('/stop');
await($wheel);

is $page->header('Refresh'), undef, 'it is still';
is $server->get('/wheel-status?refresh=7')->header('Refresh'), 7,
    'unless it is asked to refresh itself';
is $server->get('/wheel-status?refresh=007')->header('Refresh'), 7,
    'after that many seconds';
is $server->get('/wheel-status?json')->header('Refresh'), undef,
    'which is for the page alone';
is $server->get('/wheel-status?json')->header('X-Content-Type-Options'),
    'nosniff', 'all forms are to be taken as what they say they are';
