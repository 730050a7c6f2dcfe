# SPDX-License-Identifier: Apache-2.0
# No byte of a request reaches an answer, its head, the status or a log
# unescaped, wherever in the request it stood.
#
# Under one MPM: it has no part in how answers and logs are written.

use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use WheelClient ();
use WheelHttpd qw(libexec_dir);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await);

# What none of these may leave anywhere: a line or a header of its own, a tag,
# an escape sequence of a terminal, or bytes that are no UTF-8.
my %hostile = (
    'an encoded line end' => '%0d%0aInjected:%20yes%0d%0a%0d%0aInjected',
    'an encoded NUL'      => '%00Injected',
    'a line end'          => "\r\nInjected: yes\r\nX: ",
    'a bare CR'           => "\rInjected: yes",
    'a bare LF'           => "\nInjected: yes",
    'an escape sequence'  => "\e[31mInjected\e]0;x\a",
    'control bytes'       => "\x01\x02\x7fInjected\x08\x0b",
    'quotes'              => q("'`\\\\\\"Injected),
    'a tag'               => '<script>Injected</script>&amp;',
    'an encoded tag'      => '%3Cscript%3EInjected%3C/script%3E',
    'no UTF-8'            => "\xff\xfe\xc0\xafInjected\xed\xa0\x80",
    'encoded, no UTF-8'   => '%ff%fe%c0%af%ed%a0%80Injected',
    'UTF-8'               => "\xe2\x80\xaeInjected\xe2\x80\xa8",
    'a format'            => '%25n%25s%n%s${Injected}%{Injected}n',
    'a very long word'    => 'Injected' x 900,
);

# Where it may stand: V is the hostile part.
my $end    = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
my %places = (
    'the path'            => "GET /rotate/V $end\r\n",
    'the path of a stop'  => "GET /stop/V $end\r\n",
    'the path of a form'  => "GET /wheel-status/V $end\r\n",
    'a parameter'         => "GET /rotate?V=1 $end\r\n",
    'wait'                => "GET /rotate?wait=V $end\r\n",
    'wait of a stop'      => "GET /stop?wait=V $end\r\n",
    'json'                => "GET /rotate?wait=0&json=V $end\r\n",
    'id'                  => "GET /stop?id=V $end\r\n",
    'the form of a status' => "GET /wheel-status?V $end\r\n",
    'the refresh time'    => "GET /wheel-status?refresh=V $end\r\n",
    'Accept'              => "GET /wheel-status ${end}Accept: V\r\n\r\n",
    'Prefer'              => "GET /rotate?wait=0 ${end}Prefer: V\r\n\r\n",
    'a Prefer that waits' => "GET /rotate/named?json ${end}"
        . "Prefer: V, wait=0\r\n\r\n",
    'User-Agent'       => "GET /rotate?wait=0 ${end}User-Agent: V\r\n\r\n",
    'Referer'          => "GET /rotate?wait=0&json ${end}Referer: V\r\n\r\n",
    'X-Forwarded-For'  => "GET /rotate?wait=0 ${end}X-Forwarded-For: V\r\n\r\n",
    'an address with a zone' =>
        "GET /rotate?wait=0 ${end}X-Forwarded-For: fe80::1%V\r\n\r\n",
    'Host'             => "GET /rotate?wait=0 HTTP/1.1\r\nHost: V\r\n\r\n",
    'the method'       => "V /rotate $end\r\n",
    'part of a method' => "GETV /stop $end\r\n",
    'the version'      => "GET /rotate?wait=0 HTTP/1.1V\r\nHost: localhost\r\n\r\n",
    'the address'      => "GET http://V/rotate?wait=0 $end\r\n",
);
plan tests => keys(%places) + 9, need_module 'wheel';

my $server = WheelServer->started(
    processes => 2, threads => 12, config => <<"END");
LoadModule remoteip_module "@{[libexec_dir()]}/mod_remoteip.so"
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
WheelTimeout 300ms
LogLevel wheel:trace8
LogFormat "%h %t \\"%r\\" %>s id=%{wheel-id}n name=%{wheel-name}n \\
turns=%{wheel-turns}n elapsed=%{wheel-elapsed}n refused=%{wheel-refused}n \\
stopped=%{wheel-stopped}n stopped-by=%{wheel-stopped-by}n \\
number=%{wheel-number}n agent=\\"%{User-Agent}i\\"" wheel
CustomLog "access_log" wheel
<Location /rotate/long>
    WheelTimeout 0
</Location>
END

my ($asked, $problems) = (0, 0);
for my $place (sort keys %places) {
    my (@bad, %client);
    for my $what (sort keys %hostile) {
        $client{$what} = WheelClient->new($server->port);
        $client{$what}->send($places{$place} =~ s/V/$hostile{$what}/r);
        $client{$what}->vanish('half close');
        $asked++;
    }
    for my $what (sort keys %hostile) {
        my ($head, $body) = answer_to($client{$what});
        push @bad, map {"$what: $_"} complaints($head, $body);
    }
    is "@bad", '', "$place comes back escaped, or not at all";
}
note "$asked hostile requests, $problems problems answered";
cmp_ok $problems, '>', 50, 'many of them were told what is wrong with them';

# All that anybody can read about what has been asked, while a wheel turns for
# the same stranger.
my $client = WheelClient->new($server->port);
my $wheel  = $client->ask(
    GET     => '/rotate/long',
    headers => [
        'X-Forwarded-For' => '<script>Injected</script>, ::ffff:192.0.2.1',
        'User-Agent'      => '<script>Injected</script>',
        Prefer            => '"><script>Injected</script>'
    ]
);
$server->wait_rotating(1) or die "no wheel turns\n";
for my $target (
    qw(/wheel-status /wheel-status?json /wheel-status?auto
    /wheel-status?openmetrics /server-status)
    )
{
    my $answer = $server->get($target);
    my $body   = $answer->body;
    $body =~ s/&lt;.*?&gt;//g if $target eq '/server-status';
    unlike $body, qr/<script>Injected|\e|[\x00-\x08]|^Injected/m,
        "$target shows nothing of it raw";
}
$server->get('/stop');
await($wheel);
$server->stop;
for my $log (qw(error_log access_log)) {
    my @lines = split /\n/, $server->file_text($log);
    my @odd   = grep { /[^\x20-\x7e\t]/ || /\A\W*Injected/ } @lines;
    is "@odd[0 .. ($#odd < 2 ? $#odd : 2)]", '',
        "$log has @{[scalar @lines]} lines, all of them its own";
}
# But for the header by which it knows another site.
my @own = grep { /WH00/ && !/WH0044/ } split /\n/, $server->file_text('error_log');
is_deeply [grep { /Injected/ } @own], [],
    'the module writes nothing of a request to the error log';

# What a client is told, split into head and body.
sub answer_to {
    my ($client) = @_;
    my $all = '';
    $client->socket->blocking(1);
    1 while sysread $client->socket, $all, 65536, length $all;
    1 while $all =~ s/\AHTTP\S+ 102 [^\r]*\r\n\r\n//;
    return split /\r\n\r\n/, $all, 2;
}

# What is wrong with an answer.
sub complaints {
    my ($head, $body) = @_;
    return unless length($head // '');
    if ($head !~ m{\AHTTP/}) {    # a line end left a request of HTTP/0.9
        ($head, $body) = ("HTTP/1.1 200 OK\r\n", join "\r\n\r\n", grep {defined} @_);
    }
    my ($status, @lines) = split /\r\n/, $head;
    my %known = map { $_ => 1 }
        qw(Date Server Cache-Control Content-Length Content-Type Connection Allow
        Retry-After Preference-Applied Vary Content-Security-Policy
        X-Content-Type-Options Refresh Wheel-Id Wheel-Turns Wheel-Elapsed
        Wheel-Stopped-By Wheel-Stopped);
    my @wrong;
    push @wrong, "status line <$status>" if $status !~ m{\AHTTP/1\.1 \d{3} [\w -]+\z};
    push @wrong, map {"header <$_>"}
        grep { !/\A([\w-]+): [\x20-\x7e]*\z/ || !$known{$1} || /Injected/ } @lines;
    my ($type) = $head =~ /^Content-Type: ([^;\r]*)/m;
    $body = '' unless defined $body;
    if (($type // '') =~ /json/) {
        $problems++ if $type =~ /problem/;
        push @wrong, "body <$body>" if $body =~ /[^\x20-\x7e]/;
        my $said = eval { JSON::PP->new->allow_nonref->decode($body) };
        push @wrong, "no JSON <$body>" unless $said;
        push @wrong, 'bytes that JSON hides'
            if ref $said && ($said->{detail} // '') =~ /[^\x20-\x7e]/;
        push @wrong, 'a long body' if length $body > 2000;
    }
    elsif (($type // '') eq 'text/html') {
        push @wrong, "a tag in <$body>" if $body =~ /<script>Injected/i;
    }
    return map { substr $_, 0, 200 } @wrong;
}
