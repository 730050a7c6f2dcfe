# SPDX-License-Identifier: Apache-2.0
# Whoever a request waits for and that says nothing, of each kind of handler: a
# stop with the step cut frees it, wheelctl stop --cut does so at once, and no
# other request notices.  What is not one socket of the thread's own stays as it
# is: a pipe, a listening socket, the client's, one of two, another thread's.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use POSIX qw(mkfifo);
use Time::HiRes qw(time);
use WheelControl qw(control_config wheelctl);
use WheelHttpd qw(free_port user_modules);
use WheelPlan;
use WheelRequests qw(cgi_config load_modules);
use WheelServer ();
use WheelTest qw(await child_pids collect wait_until);

# How C code waits; in connect() for a peer whose queue is full.
my @calls = qw(poll ppoll select pselect epoll read recv recvmsg send connect);

# Where the connection is one that mod_wheel sees, or its processes are known, a
# stop needs no cut.
my @proxies   = qw(ajp scgi fcgi);
my @seen      = qw(http uwsgi);
my $threaded  = WheelServer::mpm() ne 'prefork';
my ($databases) = glob '/usr/lib/*/apr-util-1/apr_dbd_pgsql.so';
my @kinds = (
    @calls, @proxies, @seen, 'https', 'unconnected',
    $threaded ? 'cgid' : (), $databases ? 'dbd' : ()
);

# What is never cut, and what wheelctl says then.
my %never = (
    pipe   => 'blocked on something else than one socket',
    listen => 'blocked on a listening socket',
    client => 'blocked on its own client',
    two    => 'blocked on something else than one socket',
    $threaded
    ? (shared => 'blocked on a socket that another thread waits for') : ()
);
my %is_seen = map { $_ => 1 } @seen, "https";
plan tests => 4 * @kinds + 3 * keys(%never) + 9, need_module 'wheel', 'proxy',
    { 'root alone may trace a child' => sub { $> == 0 } };

# Before there are connections, which the keeper of its directory would have.
my $server = WheelServer->new(
    processes => 1, threads => 4 + 2 * @kinds + keys %never, config => ''
);

# It takes connections and says nothing; the other doesn't even take any.
my $silent = listener(128);
my $full   = listener(1);
my @queue  = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
        PeerPort => $full->sockport)
} 1 .. 4;
my $own    = listener(8);
my $port   = free_port();
my ($peer, $nobody) = map { '127.0.0.1:' . $_->sockport } $silent, $full;
my $dir = $server->dir;
mkfifo("$dir/pipe", 0666) or die "$!\n";
chmod 0666, "$dir/pipe";
chmod 0755, $dir;
$server->configure(config => join "\n",
    control_config(),
    load_modules(qw(env proxy proxy_http ssl socache_shmcb dbd),
        map {"proxy_$_"} @proxies, 'uwsgi'),
    $threaded ? cgi_config($server, script => 'sleep 300') : (),
    user_modules('test_wait'),
    (map { configured($_, "/cut/$_"), configured($_, "/alone/$_") } @kinds),
    (map { configured($_, "/never/$_") } keys %never),
    configured('shared', '/beside'), <<"END");
WheelRequests on slow=50ms
WheelPrivileged cut
WheelOnStop refuse interrupt cut
<Location "/alone">
    WheelOnStop refuse interrupt
</Location>
SSLProxyEngine on
<IfFile "@{[$databases // '/nowhere']}">
    DBDriver pgsql
    DBDParams "hostaddr=127.0.0.1 port=@{[$silent->sockport]} user=nobody"
    DBDPersist Off
    DBDMin 0
</IfFile>
END
$server->start or die $server->error_log;
my @children = child_pids($server->pid);
freeze_cgid() if $threaded;

my %cut     = map { $_ => ask("/cut/$_") } @kinds;
my %alone   = map { $_ => ask("/alone/$_") } @kinds;
my $waiting = wait_until { my %rows = rows(); keys %rows == 2 * @kinds && \%rows };
ok $waiting, 'all of them wait' or die join ' ', keys %{ { rows() } };

# By the server.
my $began = time;
$server->get("/stop?id=$waiting->{qq(/cut/$_)}{id}") for @kinds;
await(values %cut);
for my $kind (@kinds) {
    ok $cut{$kind}->done, "$kind: a stop frees it";
    is $cut{$kind}->status, 503, 'its client is told';
    note sprintf '%s: %.2f s', $kind, ($cut{$kind}{ended} // time) - $began;
}
my %left = rows();
is_deeply [sort keys %left], [sort map {"/alone/$_"} @kinds],
    'no other request has noticed';

# By root, at once.
for my $kind (@kinds) {
    my ($code, $out, $err)
        = wheelctl($server, qw(stop --cut), "--id=$left{qq(/alone/$kind)}{id}");
    # A stop has ended that wait already, perhaps, and the thread goes its way.
    like $err, $is_seen{$kind} ? qr/^wheelctl: \d+: ./ : qr/: cut$/,
        "$kind: wheelctl stop --cut";
    await($alone{$kind});
    is $alone{$kind}->status, 503, 'frees it';
}
# Never.
my %never_cut = map { $_ => ask("/never/$_") } keys %never;
my @beside    = $never{shared} ? ask('/beside') : ();
ok wait_until { keys %{ { rows() } } == @beside + keys %never }, 'what is never cut waits';
%left = rows();
for my $kind (sort keys %never) {
    my ($code, $out, $err)
        = wheelctl($server, qw(stop --cut), "--id=$left{qq(/never/$kind)}{id}");
    like $err, qr/: $never{$kind}$/, "$kind: is left alone";
}
ok wait_until {
    %left = rows();
    !grep { ($left{"/never/$_"}{step} // '') !~ /^(?:cut|force)$/ } keys %never;
}, 'the server tries it as well';
ok !collect(0, $never_cut{$_}), "$_: it waits on" for sort keys %never;
write_to_pipe();
IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
WheelTest::send_all($never_cut{client}->socket, "more\n");
close $own;
await(values %never_cut, @beside);
is $never_cut{$_}->status, 503, "$_: ends with its own wait"
    for sort keys %never;
is_deeply [map { $_->status } @beside], [map {200} @beside],
    'the other thread ends as ever';

is_deeply [sort { $a <=> $b } child_pids($server->pid)],
    [sort { $a <=> $b } @children], 'no child has died';
unlike $server->error_log, qr/exit signal/, 'nor has another in its place';
is +(grep { ($server->get('/')->body // '') eq "hello\n" } 1 .. 50), 50,
    'and all serve';
is_deeply { rows() }, {}, 'nothing is left';

sub listener {
    my ($queue) = @_;
    return IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => 0, Listen => $queue
    ) // die "$!\n";
}

sub ask { return $server->begin(GET => shift) }

sub rows {
    return map { $_->{path} => $_ } @{ $server->status->{requests} };
}

sub write_to_pipe {
    open my $pipe, '+<', "$dir/pipe" or die "$!\n";
    syswrite $pipe, "more\n";
    return wait_until { $never_cut{pipe}->done || collect(0, $never_cut{pipe}) };
}

# What answers a path: mod_test_wait, a proxy, or a script.
sub configured {
    my ($kind, $path) = @_;
    my %url = (
        unconnected => "http://$nobody/", map { $_ => "$_://$peer/" } @proxies,
        @seen, 'https'
    );
    return qq(ProxyPass "$path" "$url{$kind}") if $url{$kind};
    return qq(ScriptAlias "$path" "$dir/cgi/script") if $kind eq 'cgid';
    my $port
        = $kind eq 'pipe'   ? "$dir/pipe"
        : $kind eq 'listen' ? $port
        : ($kind eq 'connect' ? $full : $kind =~ /two|shared/ ? $own : $silent)
        ->sockport;
    return <<"END";
<Location "$path">
    SetHandler test-wait
    SetEnv wait "$kind=$port"
</Location>
END
}

# Its daemon, which has a single thread, takes nothing any more.
sub freeze_cgid {
    my ($daemon) = grep { WheelTest::thread_ids($_) == 1 } @children;
    WheelTest::freeze($daemon);
    return;
}
