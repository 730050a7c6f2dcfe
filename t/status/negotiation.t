# SPDX-License-Identifier: Apache-2.0
# One address shows the status in every form: by its query or, without one, by
# what the client's Accept header likes best.
#
# Under one MPM: it has no part in how a header is read.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelTest;

my $html        = 'text/html; charset=utf-8';
my $json        = 'application/json';
my $auto        = 'text/plain; charset=utf-8';
my $openmetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
my $prometheus  = 'text/plain; version=0.0.4; charset=utf-8';

# What Prometheus sends: 2.42, and one from before OpenMetrics 1.0.
my $scraper = 'application/openmetrics-text;version=1.0.0,'
    . 'application/openmetrics-text;version=0.0.1;q=0.75,'
    . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
my $old_scraper = 'application/openmetrics-text; version=0.0.1,'
    . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
my $browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,'
    . 'image/avif,image/webp,*/*;q=0.8';

my @by_query = (
    ['',             $html],
    ['?',            $html],
    ['?json',        $json],
    ['?json=',       $json],
    ['?auto',        $auto],
    ['?openmetrics', $openmetrics],
    ['?refresh=1',   $html],
    ['?refresh=3600', $html],
);

my @by_accept = (
    [$browser,                               $html],
    ['*/*',                                  $html],
    ['text/*',                               $html],
    ['text/plain',                           $auto],
    ['TEXT/PLAIN',                           $auto],
    ['text/plain; version=0.0.4',            $prometheus],
    ['text/plain; version="0.0.4"',          $prometheus],
    ['text/plain ; Version="0.0.4" ; q=1',   $prometheus],
    ['text/plain; charset="a;b,c"; version="0.0.4", */*;q=0.1', $prometheus],
    ['text/plain; note=", application/json;", text/html;q=0.9', $auto],
    ['text/plain; version="0.0.4',           $prometheus],
    ['text/plain; version=9',                $html],
    ['text/plain; version="9"',              $html],
    ['text/plain; version=""',               $html],
    ['application/json',                     $json],
    ['application/json, text/plain, */*',    $json],
    ['application/*',                        $json],
    ['application/openmetrics-text',         $openmetrics],
    [$scraper,                               $openmetrics],
    [$old_scraper,                           $prometheus],
    ['text/html;q=0.2, application/json;q=0.3', $json],
    ['text/html;q=0, */*',                   $json],
    ['text/html;q=0.009, application/json;q=0.01',  $json],
    ['text/html;q=0.0, application/json;q=0.001',   $json],
    ['text/html, application/json;q=1e9',    $html],
    ['text/html, application/json;q=7',      $html],
    ['text/html;q=0.9, application/json;q=nan', $json],
    ['application/json;q=0, text/html;q=0',  $html],
    ['image/png',                            $html],
    [';;q=,,;',                              $html],
);

plan tests => 2 * @by_query + 2 * @by_accept + 1 + 6 * 5, need_module 'wheel';

my $server = WheelTest->shared;

for my $row (@by_query) {
    my ($query, $type) = @$row;
    my $answer = $server->get("/wheel-status$query");
    is $answer->status, 200, "'$query' is answered";
    is $answer->header('Content-Type'), $type, "with $type";
}

for my $row (@by_accept) {
    my ($accept, $type) = @$row;
    my $answer
        = $server->get('/wheel-status', headers => [Accept => $accept]);
    is $answer->header('Content-Type'), $type, "Accept: $accept gets $type";
    is $answer->header('Vary'), 'Accept', 'and caches are told';
}
is $server->get('/wheel-status?json', headers => [Accept => 'text/html'])
    ->header('Content-Type'), $json, 'a query goes before Accept';

for my $query ('', '?json', '?auto', '?openmetrics', '?refresh=5', '?bad') {
    my $get  = $server->get("/wheel-status$query");
    my $head = $server->request(HEAD => "/wheel-status$query");
    is $head->status, $get->status, "HEAD of '$query' is answered like GET";
    is $head->header('Content-Type'), $get->header('Content-Type'),
        'with its type';
    cmp_ok $head->header('Content-Length'), '>', 0, 'with a length';
    is $head->body, '', 'without a body';
    is $get->header('Cache-Control'), 'no-store', 'and no cache keeps it';
}
