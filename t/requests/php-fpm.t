# SPDX-License-Identifier: Apache-2.0
# A script of PHP-FPM that is stopped ends as by PHP's own time limit, and its
# worker takes no other; where two workers run the same, none is touched.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use List::Util qw(max);
use WheelFaults qw(kill_hard);
use WheelFpm qw(write_fpm);
use WheelHttpd qw(spew slurp);
use WheelKeeper qw(end_server);
use WheelPlan;
use WheelRequests qw(listed load_modules php_dir stop_listed);
use WheelServer ();
use WheelTest qw(await child_pids collect wait_until);

my $php = php_dir();
plan tests => 35, need 'wheel',
    { 'PHP is unpacked in t/.cache by build.sh' => sub {$php} };

my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "$!\n";
my $server = WheelServer->new(config => '');
my $dir    = $server->dir;
my $htdocs = "$dir/htdocs";
chmod 0777, $htdocs;
my $made = write_fpm($dir, children => 3,
    config => 'php_admin_value[display_errors] = 1');
my ($port, $status_port) = @$made{qw(port status)};
my $fpm = fork // die "fork: $!\n";
if ($fpm == 0) {
    setpgrp;
    open STDOUT, '>>', "$dir/fpm.out";
    open STDERR, '>&', \*STDOUT;
    exec @{ $made->{command} } or POSIX::_exit(127);
}
END { end_server($fpm, 5) if $fpm }
wait_until { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$status_port") }
    or die slurp("$dir/fpm.out");

$server->configure(threads => 6, config => <<"END");
@{[load_modules(qw(proxy proxy_fcgi proxy_balancer lbmethod_byrequests
    slotmem_shm rewrite))]}
WheelRequests on slow=100ms
WheelFpmStatus fcgi://127.0.0.1:$status_port/fpm-status
<FilesMatch "[.]php\$">
    SetHandler "proxy:fcgi://127.0.0.1:$port"
</FilesMatch>
<Proxy "balancer://workers">
    BalancerMember "fcgi://127.0.0.1:$port"
</Proxy>
ProxyPassMatch "^/balanced/(.*)\$" "balancer://workers$htdocs/\$1"
RewriteEngine On
RewriteRule "^/pretty/(.*)\$" "/\$1.php" [PT]
<Files "limited.php">
    WheelCpuLimit 300ms
</Files>
END
$server->start or die $server->error_log;
my $begin = <<'END';
<?php
register_shutdown_function(function () {
    file_put_contents(__FILE__ . '.end', 'x', FILE_APPEND);
});
END
my %script = (
    loop   => 'while (true) {}',
    sleep  => 'sleep(600);',
    limited => 'while (true) {}',
    exec   => 'exec("echo $$ >exec.pid; exec sleep 3000");',
    stream => "\$s = stream_socket_client('tcp://127.0.0.1:@{[$silent->sockport]}');"
        . 'fread($s, 10);',
);
spew("$htdocs/$_.php", "$begin$script{$_}\n") for keys %script;
spew("$htdocs/\xe4.php", "<?php while (true) {}\n");
spew("$htdocs/id.php", '<?php echo getmypid();');
like $server->get('/id.php')->body, qr/^\d+$/, 'PHP-FPM answers';
my @workers = workers();

my @took;
for my $name (qw(loop sleep exec)) {
    my $answer = $server->begin(GET => "/$name.php?a=1");
    wait_until { -s "$htdocs/exec.pid" } if $name eq 'exec';
    listed($server, "/$name.php");
    push @took, stop_listed($server, "/$name.php", $answer);
    ok $answer->done, "$name: it ends";
    is $answer->status, 503, "$name: its client is told";
    ok wait_until { -e "$htdocs/$name.php.end" },
        "$name: its shutdown function has run";
    ok wait_until { is_replaced() },
        "$name: its worker takes no other script, and FPM starts another";
}

my $program = slurp("$htdocs/exec.pid") + 0;
ok wait_until { !-e "/proc/$program" }, 'the program that PHP has waited for is gone';

# Bytes that are not UTF-8 are none of what FPM shows.
for my $target (
    '/balanced/loop.php', '/pretty/loop', '/sleep.php/more',
    "/%e4.php?\xe4\xf6"
) {
    my $path   = $target =~ s/%e4(.*)\?.*/\\xe4$1/r;
    my $answer = $server->begin(GET => $target);
    listed($server, $path);
    push @took, stop_listed($server, $path, $answer);
    is $answer->status, 503, "$path: its client is told";
}
my $limited = $server->begin(GET => '/pretty/limited');
await($limited);
is $limited->status, 504, 'a script that uses more CPU time than it may';
is $limited->header('Wheel-Stopped-By'), 'cpu', 'is stopped for that';
ok wait_until { exits() == 8 && (@workers = workers()) == 3 },
    'and FPM has all its workers';

my $stream = $server->begin(GET => '/stream.php');
listed($server, '/stream.php');
ok stop_listed($server, '/stream.php', $stream),
    'a read of a silent stream ends, too';
is $stream->status, 503, 'its client is told';
ok wait_until { is_replaced() },
    'its worker ends, and FPM starts another';

# Two that are alike, but for when they began.
my @apart = $server->begin(GET => '/sleep.php');
my $old   = listed($server, '/sleep.php', sub { $_[0]{elapsed} > 2 })->{id};
push @apart, $server->begin(GET => '/sleep.php');
wait_until {
    2 == grep { $_->{path} eq '/sleep.php' } @{ $server->status->{requests} };
};
is $server->get("/stop?id=$old&wait=60&json")->json->{wheels}[0]{outcome},
    'ended', 'the older of two that are alike ends';
await($apart[0]);
ok !collect(0, $apart[1]), 'the other one runs on';
stop_listed($server, '/sleep.php', $apart[1]);
is $apart[1]->status, 503, 'until it is stopped, too';

# Two that can't be told apart.  The workers of the eleven that were stopped before
# are gone.
wait_until { exits() == 11 && (@workers = workers()) == 3 };
my @two = map { $server->begin(GET => '/sleep.php') } 1 .. 2;
wait_until {
    2 == grep { $_->{path} eq '/sleep.php' } @{ $server->status->{requests} };
};
my ($first) = grep { $_->{path} eq '/sleep.php' } @{ $server->status->{requests} };
my $said = $server->get("/stop?id=$first->{id}&wait=0.5&json")->json;
is $said->{wheels}[0]{outcome}, 'running',
    'one of two that are alike runs on, as the stop says';
ok $server->logs(qr/WH0104.*more than one/),
    'the log says why';
is_deeply [workers()], \@workers, 'and no worker is touched';

# What could not be told apart until a moment ago is stopped as soon as others
# are, and not at the next look for its worker, which is once a second: of such
# stops, one in three would be as soon.
kill_hard(@workers); # one that dies might take a connection along
await(@two);
wait_until { @workers = workers(); @workers == 3 };
spew("$htdocs/until.php", "<?php touch('$htdocs/begun' . getmypid());"
    . "while (!file_exists('$htdocs/end' . getmypid())) usleep(1000);");
my $soon;
for (1 .. 3) {
    $soon = grep { $_ < max(@took) + 0.3 } map { stop_of_two() } 1 .. 5;
    last if $soon >= 4;
}
cmp_ok $soon, '>=', 4, 'one of two ends, and the other can be stopped at once';

spew("$htdocs/brief.php", '<?php usleep(2000); echo "brief";');
my ($stopped, $right) = (0, 0);
for (1 .. 100) {
    my $answer = $server->begin(GET => '/brief.php');
    $stopped++ if $server->get('/stop?path=/brief.php')->status == 200;
    await($answer);
    # Whole, told, or cut: then its body has no end.
    $right++ if ($answer->body // '') eq 'brief'
        || ($answer->status // 0) == 503 || !defined $answer->body;
}
is $right, 100, "requests that race with their stops ($stopped) are right";
unlike slurp("$dir/fpm.log"), qr/exited on signal (?!9 )/,
    'and no worker dies of it';

# One that waits for a worker.
my @busy = map { $server->begin(GET => "/sleep.php?busy=$_") } 1 .. 3;
wait_until {
    3 == grep { $_->{path} eq '/sleep.php' } @{ $server->status->{requests} };
};
my $queued = $server->begin(GET => '/loop.php');
my $waits  = listed($server, '/loop.php')->{id};
$server->get("/stop?id=$waits");
ok wait_until { $server->error_log =~ /WH0104: request $waits.* no worker/ },
    'a request that no worker runs is stopped: the log says so';
$server->get('/stop?path=/sleep.php');
await(@busy, $queued);
is $queued->status, 503, 'and it ends as soon as one does';

# How long the stop of the second of two takes when the first has just ended.
sub stop_of_two {
    my @pair = map { $server->begin(GET => '/until.php') } 1 .. 2;
    wait_until {
        2 == grep { $_->{path} eq '/until.php' && $_->{elapsed} > 1.2 }
            @{ $server->status->{requests} };
    } or show_state(@pair);
    my ($one) = map {/begun(\d+)$/} glob "$htdocs/begun*";
    spew("$htdocs/end$one", '');
    wait_until { collect(0, @pair) } or show_state(@pair);
    my ($left) = grep { !$_->done } @pair;
    my $took = stop_listed($server, '/until.php', $left);
    show_state(@pair) unless defined $took;
    unlink glob "$htdocs/{begun,end}*";
    return $took;
}

# What httpd, FPM and the clients of a pair have.
sub show_state {
    my (@pair) = @_;
    diag explain {
        requests => $server->status->{requests},
        clients  => [map { $_->done ? $_->status : 'waits' } @pair],
        files    => [map {m{([^/]+)\z}} glob "$htdocs/{begun,end}*"],
        workers  => [workers()],
        fpm      => slurp("$dir/fpm.log"),
        httpd    => $server->error_log,
    };
    return;
}

# Has one of the workers ended, and another taken its place?  PHP has a timer
# left that would end a later script.
sub is_replaced {
    my @now = workers();
    return 0 if @now != 3 || "@now" eq "@workers";
    @workers = @now;
    return 1;
}

# How many workers have ended.
sub exits {
    return scalar(() = slurp("$dir/fpm.log") =~ /exited/g);
}

# The status has a worker of its own, which comes and goes.
sub workers {
    return grep { (eval { slurp("/proc/$_/cmdline") } // '')
            =~ /pool www[\s\0]*\z/ } child_pids($fpm);
}
