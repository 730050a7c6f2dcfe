# SPDX-License-Identifier: Apache-2.0
# The request that follows a cooled one in the same worker runs at normal
# priority: on the same connection, after an answer that takes long, and as a
# stream of HTTP/2 after a graceful restart that leaves cool-down out.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(http2_config);
use WheelControl qw(control_config wheelctl);
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(await read_answers thread_policy wait_until);

plan tests => 12, need_module 'wheel',
    { 'root alone may change a class' => sub { $> == 0 } };

use constant FILE_BYTES => 8_000_000;

my $threaded = WheelServer::mpm() ne 'prefork';
my $config   = user_modules('test_loop') . control_config() . <<'END';
WheelRequests on slow=50ms
<Location "/loop">
    SetHandler test-loop
</Location>
<Location "/class">
    SetHandler test-class
</Location>
END
# One worker of HTTP/2, so that a second stream waits for the first.
$config .= http2_config() . "H2MinWorkers 1\nH2MaxWorkers 1\n" if $threaded;
my $server = WheelServer->started(
    processes => 1, threads => 6,
    config    => $config . "WheelPrivileged cooldown\n"
);

# The same connection, and the next request is there already.
my $client = WheelClient->new($server->port);
$client->ask(GET => $_) for '/loop?until', '/class';
my $row = cooled('/loop');
release('');
my @answers = read_answers($client->socket, 'GET', 'GET');
is $answers[0]->body, "done\n", 'a cooled request is answered';
is class($answers[1]), 'normal', 'the next one of its connection runs as usual';

# An answer that takes long to send.
my $slow = $server->begin(GET => '/loop?file');
$row = cooled('/loop');
release('x' x FILE_BYTES);
await($slow);
is length($slow->body // ''), FILE_BYTES, 'the answer is whole';
ok wait_until { policy($row) eq 'normal' }, 'its worker is as before';
is next_class($row), 'normal', 'and runs its next request so';

# A restart replaces the privileged process, and its successor goes on.
my $kept = $server->begin(GET => '/loop?until');
$row = cooled('/loop');
my ($before) = WheelTest::privileged_pids($server->pid);
$server->graceful;
ok wait_until {
    my ($now) = WheelTest::privileged_pids($server->pid);
    $now && $now != $before;
}, 'a graceful restart replaces the privileged process';
ok wait_until { policy($row) eq 'idle' }, 'the request stays as it was';
release('');
await($kept);
is $kept->body, "done\n", 'and is answered';

# With HTTP/2, an old process still begins requests that it has; the new
# configuration says nothing of cool-down.
SKIP: {
    skip 'HTTP/2 needs threads', 4 unless $threaded;
    my $base = 'http://127.0.0.1:' . $server->port;
    open my $in, '-|', "timeout 60 nghttp $base/loop?until $base/class 2>&1"
        or die "nghttp: $!\n";
    $row = cooled('/loop');
    spew($server->conf_file,
        WheelHttpd::slurp($server->conf_file) =~ s/^WheelPrivileged.*\n//mr);
    $server->graceful;
    ok wait_until { ($server->status->{server}{generation} // 2) >= 2 },
        'a restart leaves cool-down out';
    ok wait_until { policy($row) eq 'idle' },
        'a request that was cooled down stays so';
    release('');
    my $said = do { local $/ = undef; <$in> };
    like $said, qr/^done$/m, 'it is answered';
    my ($tid, $class) = $said =~ /^(\d+) (\d+)$/m;
    is "$tid $class", "$row->{thread} 0",
        'and the next one of its worker runs as usual';
}

# A request that runs in this path is cooled down.
sub cooled {
    my ($path) = @_;
    my $row = listed($server, $path) or die "$path is not listed\n";
    my ($code, $out, $err) = wheelctl($server, 'cool', "--id=$row->{id}");
    $code == 0 or die "wheelctl cool: $err\n";
    return $row;
}

# Requests that loop until then end.  (Unless boosted, they are of the idle
# class.)
sub release {
    my ($text) = @_;
    my $end = $server->dir . '/htdocs/end';
    spew("$end.new", $text);
    rename "$end.new", $end or die "$!\n";
    return wait_until { !grep { $_->{path} eq '/loop' && !$_->{sent_bytes} }
        @{ $server->status->{requests} } } && unlink $end;
}

sub policy {
    my ($row) = @_;
    return thread_policy($row->{pid}, $row->{thread}) // 'gone';
}

# Of the thread that answered.
sub class {
    my ($answer) = @_;
    my ($tid, $class) = ($answer->body // '') =~ /^(\d+) (\d+)$/ or return;
    return $class ? "class $class" : 'normal';
}

# Of the next request that this thread runs.
sub next_class {
    my ($row) = @_;
    my $answer;
    wait_until {
        $answer = $server->get('/class');
        ($answer->body // '') =~ /^$row->{thread} /;
    } or return 'no request';
    return class($answer);
}
