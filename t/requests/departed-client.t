# SPDX-License-Identifier: Apache-2.0
# WheelOnDisconnect stop: a client that closes its connection ends a request
# that is a job, whatever its handler does; without the directive, and with
# continue, the request goes on.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use WheelClient qw(tls_config);
use WheelHttpd qw(free_port spew user_modules);
use WheelPlan;
use WheelRequests qw(cgi_config listed load_modules);
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 14, need_module 'wheel';

my %ended;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20,
    ReuseAddr => 1) or die "$!\n";
my $tls_port = free_port();
my $server   = WheelServer->new(threads => 8, config => '');
my $script   = 'echo Content-Type: text/plain; echo; exec sleep 600';
$server->configure(config => <<"END");
@{[load_modules(qw(proxy proxy_http ssl socache_shmcb))]}
@{[cgi_config($server, script => $script)]}
@{[user_modules('test_busy')]}
@{[tls_config($server->dir, $tls_port) =~ s/^LoadModule.*\n//r]}
WheelRequests on slow=10ms
LogFormat "%U?%q %{wheel-stopped-by}n" stopped
CustomLog stopped stopped
ProxyPass "/http" "http://127.0.0.1:@{[$listener->sockport]}/"
<LocationMatch "^/(busy|http|cgi)">
    WheelOnDisconnect stop
</LocationMatch>
<Location "/default">
    SetHandler test-busy
</Location>
<Location "/busy">
    SetHandler test-busy
</Location>
<Location "/busy/goes-on">
    WheelOnDisconnect continue
</Location>
END
$server->start or die $server->error_log;
my $end = $server->dir . '/htdocs/end';

# Its client closes the connection.
client('/busy?deaf')->vanish('close');
listed($server, '/busy', sub { ($_[0]{stopped_by} // '') eq 'gone' });
spew($end, '');
ok gone('/busy'), 'a handler in C ends as soon as it writes';
unlink $end or die "$!\n";
ends_with_its_client('/http', 'a silent backend');
my $accepted = $listener->accept;
sysread $accepted, my $head, 4096;
ok !sysread($accepted, my $more, 4096), 'the backend sees its client go';
ends_with_its_client('/cgi/script', 'a CGI script that waits');
ends_with_its_client('/http', 'the same over TLS', port => $tls_port, tls => 1);

# It shuts its sending side alone.
my $half = client('/http');
$half->vanish('half close');
ok gone('/http'), 'a client that shuts its sending side counts as gone';

# It resets the connection.
my $reset = client('/http');
$reset->vanish('reset');
ok gone('/http'), 'so does one that resets it';

# Clients that stay, and locations that have no such directive.
my $next = client('/busy?wait');
$next->send($next->head(GET => '/'));
client($_)->vanish('close') for '/default?wait', '/busy/goes-on?wait';
ends_with_its_client('/http', 'one whose client leaves after theirs');
my $before = stopped();
spew($end, '');
my $got = '';
ok wait_until {
    sysread $next->socket, $got, 4096, length $got;
    $got =~ /waited\n.*hello\n/s;
}, 'a client that has sent its next request is present'
    or diag $got;
ok wait_until { 2 == grep {m{^/(?:default|busy/goes-on)\?\S* -$}}
        split /\n/, $server->file_text('stopped') },
    'by default, and with "continue", requests outlive their clients';
is stopped(), $before, 'and nothing else was stopped';
is $server->get('/')->body, "hello\n", 'the server goes on';
is scalar(grep {/exit signal|WH0108/} split /\n/, $server->error_log), 0,
    'and no child has died';
like $server->get('/wheel-status?openmetrics')->body,
    qr/^wheel_requests_stopped_total\{by="gone"\} 7$/m, 'metrics count them';

# Begin a request that is listed.
sub client {
    my ($target, %opt) = @_;
    my $client = WheelClient->new($opt{port} // $server->port,
        tls => $opt{tls});
    $client->send($client->head(GET => $target));
    listed($server, $target =~ s/\?.*//sr) or die "$target is not listed\n";
    return $client;
}

sub gone {
    my ($target) = @_;
    my $path     = $target =~ s/\?.*//sr;
    my $want     = ++$ended{$path};
    return wait_until {
        !grep({ $_->{path} eq $path } @{ $server->status->{requests} })
            && $want == grep {m{^\Q$path\E\?\S* gone$}}
            split /\n/, $server->file_text('stopped');
    };
}

sub ends_with_its_client {
    my ($target, $name, %opt) = @_;
    client($target, %opt)->vanish('close');
    ok gone($target), "$name ends";
    return;
}

sub stopped {
    return scalar grep {/gone$/} split /\n/, $server->file_text('stopped');
}
