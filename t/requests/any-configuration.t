# SPDX-License-Identifier: Apache-2.0
# Requests are jobs in any configuration: parts of pages, redirects, documents
# of errors, filters, caches, TLS, pipelines, virtual hosts with limits of their
# own, .htaccess files, two generations of children, and a child that is killed.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(tls_config);
use WheelFaults qw(kill_hard);
use WheelHttpd qw(free_port spew user_modules);
use WheelPlan;
use WheelRequests qw(listed listed_sending load_modules stop_listed);
use WheelServer ();
use WheelTest qw(await collect wait_until);

plan tests => 41, need_module 'wheel';

my ($port, $tls_port) = (free_port(), free_port());
my $server = WheelServer->new(processes => 2, threads => 8, spare => 2,
    config => '');
my $dir = $server->dir;
mkdir "$dir/$_" or die "$!\n" for qw(cache htdocs/own htdocs/bad htdocs/app);
$server->configure(port => $port, config => <<"END");
@{[load_modules(qw(include filter deflate headers actions cache cache_disk rewrite ssl socache_shmcb))]}
@{[user_modules('test_busy')]}
@{[tls_config($dir, $tls_port) =~ s/^LoadModule.*\n//r]}
WheelRequests on slow=10ms
LogFormat "%U %>s %{wheel-stopped-by}n" stopped
CustomLog stopped stopped
<LocationMatch "^/(busy|deflated|cached)">
    SetHandler test-busy
</LocationMatch>
<Location "/deflated">
    SetOutputFilter DEFLATE
    AddOutputFilterByType DEFLATE application/problem+json
</Location>
<Location "/cached">
    CacheEnable disk
    Header set Cache-Control "max-age=600"
</Location>
CacheRoot "$dir/cache"
Action test-redirect /busy virtual
<LocationMatch "^/(redirected|old name)">
    SetHandler test-redirect
</LocationMatch>
<Location "/missing">
    ErrorDocument 404 /busy?deaf
</Location>
<Directory "$dir/htdocs">
    Options +Includes
    AllowOverride All
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
</Directory>
AddHandler test-busy .busy
<FilesMatch "limited[.]busy\$">
    WheelTimeout 300ms
</FilesMatch>
<FilesMatch "steps[.]busy\$">
    WheelOnStop refuse interrupt drain=9s
</FilesMatch>
<LocationMatch "^/app/short">
    WheelTimeout 300ms
</LocationMatch>
<LocationMatch "^/app/logged">
    WheelTimeout 200ms action=log
</LocationMatch>
<VirtualHost *:$port>
    ServerName first.example
    WheelTimeout 300ms
</VirtualHost>
<VirtualHost *:$port>
    ServerName second.example
    WheelTimeout 60s
</VirtualHost>
END
WheelHttpd::spew("$dir/htdocs/$_->[0]", $_->[1]) for (
    ['page.shtml', qq{begin<!--#include virtual="/busy?write" -->end\n}],
    ['own/.htaccess', "SetHandler test-busy\n"],
    ['app/.htaccess', "RewriteEngine On\nRewriteRule -(.+) \$1.busy\n"],
    ['bad/.htaccess', "WheelRequests off\n"],
    ['bad/file', "file\n"],
);
my @second = (Host => 'second.example');
my @body   = (@second, 'Content-Length' => 10);
$server->start or die $server->error_log;

# Another part of the request runs than the one that was begun.
is_cut('/page.shtml', 'a page with a part that writes');
is_told('/redirected?body', 'a redirect within a handler', [@body]);
my $rewritten = $server->begin(POST => '/old%20name?body', headers => [@body]);
is listed($server, '/old name', sub { $_[0]{handler} eq 'test-busy' })->{path},
    '/old name', 'a path that is redirected is listed as it was asked for';
stop_listed($server, '/old name', $rewritten);
is $rewritten->status, 503, 'and stopped';
my $missing = $server->begin(GET => '/missing', headers => [@second]);
stop_deaf('/missing');
await($missing);
is $missing->status, 503, 'the document of an error: told';
unlink "$dir/htdocs/end";

# What becomes of an answer.
is_cut('/deflated?write', 'a compressed answer', 'Accept-Encoding' => 'gzip');
my $told = is_told('/deflated?body', 'compression before it begins',
    [@body, 'Accept-Encoding' => 'gzip']);
is $told->header('Content-Encoding'), undef, 'nor is that compressed';
is_cut("/cached?write", "an answer for the cache, turn $_") for 1 .. 2;
$told = is_told('/cached?body', 'a cache before the answer begins', [@body]);
unlike $told->header('Cache-Control') // '', qr/max-age/, 'nor is that kept';

# What comes before and after on a connection.
my $tls = WheelClient->new($tls_port, tls => 1);
my $answer = $tls->ask(GET => '/busy?write');
listed_sending($server, '/busy');
stop_listed($server, '/busy', $answer);
ok $answer->status == 200 && !defined $answer->body, 'TLS: the answer is cut';
$tls    = WheelClient->new($tls_port, tls => 1);
$answer = $tls->ask(POST => '/busy?body', headers => ['Content-Length' => 10]);
stop_listed($server, '/busy', $answer);
is $answer->status, 503, 'TLS: before it begins, the client is told';

my $client = WheelClient->new($port);
$client->send(head(GET => '/') . head(POST => '/busy?body', @body[2, 3]));
ok listed($server, '/busy'), 'the second request of a connection';
$server->get('/stop?path=/busy');
my @answers = WheelTest::read_answers($client->socket, 'GET', 'POST');
is_deeply [map { $_->status } @answers], [200, 503], 'is stopped alone';
is $answers[1]->header('Connection'), 'close',
    'and the connection ends, since a body was to come';

$client = WheelClient->new($port);
$client->send(head(GET => '/busy?deaf') . head(GET => '/'));
stop_deaf('/busy');
@answers = WheelTest::read_answers($client->socket, 'GET');
unlink "$dir/htdocs/end";
is $answers[0]->status, 503, 'the first of a pipeline is told';

$client = WheelClient->new($port);
$client->send(head(POST => '/busy?body', @body[2, 3],
    Expect => '100-continue'));
listed($server, '/busy', sub { $_[0]{state} eq 'reading' });
$server->get('/stop?path=/busy');
my $bytes = '';
ok wait_until {
    sysread $client->socket, $bytes, 4096, length $bytes;
    $bytes =~ /problem\+json/;
}, 'a client that was told to continue';
like $bytes, qr{^HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 },
    'is told of the stop';

# Virtual hosts.
my ($first, $second) = map {
    $server->begin(POST => '/busy?body',
        headers => [Host => "$_.example", 'Content-Length' => 10])
} qw(first second);
await($first);
is $first->status, 504, 'a virtual host has a limit';
ok !collect(0, $second), 'and another one has its own';
is listed($server, '/busy')->{host}, 'second.example', 'which is listed';
stop_listed($server, '/busy', $second);

# .htaccess files.
is_told('/own/?body', 'a handler that .htaccess has set', [@body]);
is $server->get('/bad/file', headers => [@second])->status, 500,
    'WheelRequests is refused in .htaccess';
ok $server->logs(qr/WheelRequests not allowed here/),
    'and the log says so';

# What .htaccess rewrites, as most applications do, has the limits of both places.
for my $to (['open-limited', 'of the place that it leads to'],
    ['short-open', 'of the address that was asked for'],
    ['logged-limited', 'that ends it, and not the one that is only logged']) {
    my $limited = $server->begin(POST => "/app/$to->[0]?body", headers => [@body]);
    ok collect(20, $limited) && $limited->status == 504, "the limit $to->[1]";
}
my $steps = $server->begin(POST => '/app/open-steps?body', headers => [@body]);
is join(' ', map { $_->{step} } @{ listed($server, '/app/open-steps',
        sub { $_[0]{handler} eq 'test-busy' })->{steps} }),
    'refuse interrupt drain', 'and the steps of the place that it leads to';
stop_listed($server, '/app/open-steps', $steps);

# Two generations.
my @generations = $server->begin(POST => '/busy?body', headers => [@body]);
listed($server, '/busy');
$server->graceful;
ok wait_until { ($server->status->{server}{generation} // 0) == 1 },
    'a graceful restart';
# A process of the old one may take one more.
ok wait_until {
    my @busy = grep { $_->{path} eq '/busy' } @{ $server->status->{requests} };
    my %seen = map { $_->{generation} => 1 } @busy;
    push @generations,
        $server->begin(POST => '/busy?body', headers => [@body])
        if !$seen{1} && @busy == @generations;
    join(' ', sort keys %seen) eq '0 1';
}, 'requests of both generations are listed';
is $server->get('/stop?path=/busy')->header('Wheel-Stopped'),
    scalar @generations, 'and stopped';
await(@generations);
is join(' ', map { $_->status } @generations),
    join(' ', (503) x @generations), 'all are told';

# A child that is killed.
my $lost = $server->begin(POST => '/busy?body', headers => [@body]);
my $row  = listed($server, '/busy');
kill_hard($row->{pid});
ok wait_until { !grep { $_->{id} == $row->{id} } @{ $server->status->{requests} } },
    'the request of a killed child is not listed';
is $server->get('/', headers => [@second])->body, "hello\n",
    'the server goes on';
my @deaths = grep {/exit signal/ && !/Killed/} split /\n/, $server->error_log;
is_deeply \@deaths, [], 'and no other child has died';

# The head of a request to the second virtual host.
sub head {
    my ($method, $target, @headers) = @_;
    return $client->head($method, $target, headers => \@headers)
        =~ s/^Host: .*$/Host: second.example\r/mr;
}

# A part of an answer that is stopped can't be taken for the whole.
sub is_cut {
    my ($target, $name, @headers) = @_;
    my $cut  = $server->begin(GET => $target, headers => [@second, @headers]);
    my $path = $target =~ s/\?.*//sr;
    listed_sending($server, $path);
    stop_listed($server, $path, $cut);
    ok $cut->done && !defined $cut->body, "$name: it ends, and is cut"
        or diag explain [$cut->status, $cut->body];
    return;
}

# Stop a handler that looks at nothing, and let it end then.
sub stop_deaf {
    my ($path) = @_;
    my $row = listed($server, $path);
    $server->get("/stop?id=$row->{id}");
    return spew("$dir/htdocs/end", '');
}

# A request that is stopped before its answer begins is answered why.
sub is_told {
    my ($target, $name, $headers) = @_;
    my $stopped = $server->begin(POST => $target, headers => $headers);
    my $path    = $target =~ s/\?.*//sr;
    ok listed($server, $path), "$name: listed";
    stop_listed($server, $path, $stopped);
    is $stopped->status, 503, "$name: told"
        or diag explain [$stopped->body];
    return $stopped;
}
