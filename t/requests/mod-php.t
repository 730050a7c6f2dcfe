# SPDX-License-Identifier: Apache-2.0
# A script of mod_php that is stopped ends as by PHP's own time limit, and its
# child lives on, also where it waits for a program, which ends; where PHP waits
# for a stream, the child ends with the request.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use WheelHttpd qw(slurp spew);
use WheelPlan;
use WheelRequests qw(listed listed_sending php_dir stop_listed);
use WheelServer ();
use WheelTest qw(wait_until);

my $php = php_dir();
plan tests => 29, need 'wheel',
    { 'PHP is unpacked in t/.cache by build.sh' => sub {$php} },
    { 'mod_php runs under prefork' => sub { WheelServer::mpm() eq 'prefork' } };

my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "$!\n";
my $server = WheelServer->started(processes => 1, threads => 3, config => <<"END",
LoadFile "$php/usr/lib/x86_64-linux-gnu/libargon2.so.1"
LoadFile "$php/usr/lib/x86_64-linux-gnu/libsodium.so.23"
LoadModule php_module "$php/usr/lib/apache2/modules/libphp8.2.so"
AddHandler application/x-httpd-php .php
WheelRequests on slow=100ms
php_admin_value max_execution_time 0
php_admin_value display_errors 1
END
);
my $htdocs = $server->dir . '/htdocs';
my $begin  = <<'END';
<?php
register_shutdown_function(function () {
    file_put_contents(__FILE__ . '.end', 'x', FILE_APPEND);
});
END
my %script = (
    loop   => 'while (true) {}',
    sleep  => 'sleep(600);',
    usleep => 'while (true) { usleep(1000000); }',
    parts  => 'virtual("/index.html"); while (true) {}',
    exec   => 'exec("echo $$ >exec.pid; exec sleep 3000");',
    stream => "\$s = stream_socket_client('tcp://127.0.0.1:@{[$silent->sockport]}');"
        . 'fread($s, 10);',
    print  => 'echo str_repeat("x", 10000); flush(); while (true) {}',
);
spew("$htdocs/$_.php", "$begin$script{$_}\n") for keys %script;
spew("$htdocs/id.php", '<?php echo getmypid();');
chmod 0777, $htdocs;

for my $name (qw(loop sleep usleep parts exec)) {
    my $answer = $server->begin(GET => "/$name.php");
    wait_until { -s "$htdocs/exec.pid" } if $name eq 'exec';
    my $pid    = listed($server, "/$name.php")->{pid};
    listed_sending($server, "/$name.php") if $name eq 'parts';
    ok stop_listed($server, "/$name.php", $answer), "$name: it ends";
    ok $name eq 'parts' ? !defined $answer->body : $answer->status == 503,
        "$name: its client is told, or its answer cut";
    ok wait_until { -e "$htdocs/$name.php.end" },
        "$name: its shutdown function has run";
    ok -e "/proc/$pid" && $server->error_log !~ /exit signal/,
        "$name: the child lives";
}

my $program = slurp("$htdocs/exec.pid") + 0;
ok wait_until { !-e "/proc/$program" }, 'the program that PHP has waited for is gone';

my $print = $server->begin(GET => '/print.php');
listed_sending($server, '/print.php');
stop_listed($server, '/print.php', $print);
ok $print->status == 200 && !defined $print->body,
    'a part of an answer can not be taken for the whole';

my $stream = $server->begin(GET => '/stream.php');
my $pid    = listed($server, '/stream.php')->{pid};
ok stop_listed($server, '/stream.php', $stream),
    'a read of a silent stream ends, too';
ok wait_until { !-e "/proc/$pid" }, 'with its child';
ok !defined $stream->status, 'its client gets nothing';

# Children run PHP as ever.
my %pid;
my $right = 0;
for (1 .. 300) {
    my $body = $server->get('/id.php')->body // '';
    $pid{$body}++;
    $right += $body =~ /^\d+$/;
}
is $right, 300, 'the next requests are right';
is grep({ !-e "/proc/$_" } keys %pid), 0, 'and their children live';

# A request that ends at the moment of its stop is not hit by it, nor the next.
spew("$htdocs/brief.php", '<?php usleep(2000); echo "brief";');
my ($stopped, @odd) = (0);
for (1 .. 400) {
    my $answer = $server->begin(GET => '/brief.php');
    $stopped++ if $server->get('/stop?path=/brief.php')->status == 200;
    WheelTest::await($answer);
    push @odd, join ' ', grep { defined } @$answer{qw(status_line body reset)}
        unless ($answer->body // '') eq 'brief'
        || ($answer->status // 0) == 503
        || !defined $answer->body; # cut: it has no end
}
is_deeply \@odd, [], "requests that race with their stops ($stopped) are right";
unlike $server->error_log, qr/exit signal|Profiling timer/,
    'and no child dies of it';
