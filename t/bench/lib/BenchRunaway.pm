# SPDX-License-Identifier: Apache-2.0
# What ends a request that runs away: ours, and what Debian has for it.  Each is
# started afresh for a trial and says where its loop is, and how it is ended.
package BenchRunaway;

use strict;
use warnings FATAL => 'all';

use Cwd qw(realpath);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();

use BenchReport ();
use WheelFpm qw(write_fpm);
use WheelHttpd qw(checkout_dir free_port module_file slurp spew);
use WheelKeeper qw(end_server kept_dir);
use WheelRequests qw(cgi_config load_modules php_dir);
use WheelServer ();
use WheelTest qw(wait_until);

use constant LIMIT_SEC => 2;

my $bench   = realpath(dirname(__FILE__) . '/..');
my $program = "$bench/peers/runaway.py";
my $cache   = checkout_dir() . '/t/.cache/peers';

my %script = (
    'loop.php' => '<?php while (true) {}',
    'slow.php' => '<?php usleep(800000); echo "slow\n";',
    'loop.lua' => "function handle(r)\nwhile true do end\nend\n",
    'slow.lua' => "function handle(r)\nr.usleep(800000)\nr:puts('slow')\n"
        . "return apache2.OK\nend\n",
);
my %cgi = (
    loop => 'while :; do :; done',
    slow => 'sleep 0.8; echo Content-Type: text/plain; echo; echo slow',
);

# What can be tried here, in the order of the table:
#   who, what     its name, and what runs away
#   loop, slow    paths
#   start         makes { port, roots, stop, end }; without stop, a limit ends it
sub kinds {
    my @stops = (
        ['a script of PHP-FPM',    '/loop.php', '/slow.php', php_dir()],
        ['a CGI script',           '/cgi/loop', '/cgi/slow', 1],
        ['a script of mod_lua',    '/loop.lua', '/slow.lua', 1],
        ['a backend that writes',  '/app/drip', '/app/slow', 1],
        ['a backend that computes', '/app/loop', '/app/slow', 1],
    );
    my @python = (['one process of 4 threads', 1, 4], ['4 processes', 4, 1]);
    my @kinds = map {
        my ($what, $loop, $slow) = @$_;
        { who => 'mod_wheel, `/stop`', what => $what, loop => $loop,
            slow => $slow, start => sub { ours($loop) } };
    } grep { $_->[3] } @stops;
    push @kinds, map {
        my ($what, $loop, $slow) = @$_;
        { who => 'mod_wheel, `WheelTimeout`', what => $what, loop => $loop,
            slow => $slow, start => sub { ours() } };
    } grep { $_->[3] } @stops[0 .. 2];
    push @kinds, { who => 'PHP-FPM, `request_terminate_timeout`',
        what => $stops[0][0], loop => '/loop.php', slow => '/slow.php',
        start => \&fpm_alone } if php_dir();
    push @kinds, map {
        my ($what, $loop, $slow) = @$_;
        { who => 'HAProxy, `shutdown session`', what => $what, loop => $loop,
            slow => $slow, start => \&haproxy };
    } grep { -x "$cache/usr/sbin/haproxy" } @stops[3, 4];
    push @kinds, map {
        my ($what, @processes) = @$_;
        { who => 'mod_wsgi, `request-timeout`',
            what => "a Python program, $what", loop => '/app/loop',
            slow => '/app/slow', start => sub { wsgi(@processes) } };
    } grep { -e wsgi_file() } @python;
    push @kinds, map {
        my ($what, @processes) = @$_;
        { who => 'uWSGI, `harakiri`', what => "a Python program, $what",
            loop => '/app/loop', slow => '/app/slow',
            start => sub { uwsgi(@processes) } };
    } grep { -x '/usr/bin/uwsgi' } @python;
    return @kinds;
}

# Those that are there, with their versions.
sub versions {
    my ($php) = map {m{php-fpm(8[.]\d)}}
        php_dir() ? glob php_dir() . '/usr/sbin/php-fpm*' : ();
    my @named = (
        ['PHP', $php], ['HAProxy', unpacked_version('haproxy')],
        ['mod_wsgi', unpacked_version('libapache2-mod-wsgi-py3')],
        ['uWSGI', BenchReport::package_version('uwsgi-core')],
    );
    return map {"$_->[0] $_->[1]"} grep { $_->[1] } @named;
}

# The first line of a package's list of changes has it.
sub unpacked_version {
    my ($package) = @_;
    my $file = "$cache/usr/share/doc/$package/changelog.Debian*gz";
    my ($version) = qx(zcat $file 2>/dev/null) =~ /\((\d[\d.]*)/;
    return $version;
}

sub wsgi_file { "$cache/usr/lib/apache2/modules/mod_wsgi.so" }

# --- Processes ----------------------------------------------------------------

# A command in a session of its own that listens at a port once it is up.
sub spawn {
    my ($dir, $port, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        POSIX::setsid();
        chdir $dir;
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', "$dir/output";
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    wait_until {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    } 20 or die "@command didn't start:\n" . slurp("$dir/output");
    return $pid;
}

sub backend {
    my ($dir) = @_;
    my $port = free_port();
    my $pid = spawn($dir, $port, '/usr/bin/python3', $program, $port);
    return ($pid, $port);
}

sub fpm {
    my ($dir, $more) = @_;
    my $made = write_fpm($dir, children => 6, config => $more);
    my $pid = spawn($dir, $made->{port}, @{ $made->{command} });
    return ($pid, @$made{qw(port status)});
}

sub write_scripts {
    my ($server) = @_;
    my $htdocs = $server->dir . '/htdocs';
    spew("$htdocs/$_", $script{$_}) for keys %script;
    return;
}

# What runs, and how all of it ends.
sub running {
    my ($server, @pids) = @_;
    return (
        port  => $server->port,
        roots => [$server->pid, @pids],
        end   => sub { end_server($_, 1) for @pids; $server->finish },
    );
}

# --- Ours ---------------------------------------------------------------------

# One child with 16 threads, so that all requests are in one process.  Without
# a path to stop, a limit ends what takes long.
sub ours {
    my ($stop) = @_;
    my $server = WheelServer->new(config => '');
    my $dir    = $server->dir;
    my $lua    = module_file() =~ s/mod_wheel\.so\z/mod_wheel_lua.so/r;
    my ($fpm, $fpm_port, $status) = php_dir() ? fpm($dir, '') : (0, 1, 1);
    my ($backend, $backend_port) = backend($dir);
    $server->configure(processes => 1, threads => 16, config => <<"END");
@{[load_modules(qw(proxy proxy_fcgi proxy_http lua))]}
@{[cgi_config($server, %cgi)]}
@{[-e $lua ? qq(LoadModule wheel_lua_module "$lua") : '']}
WheelRequests on slow=100ms
@{[$stop ? '' : 'WheelTimeout ' . LIMIT_SEC]}
WheelFpmStatus fcgi://127.0.0.1:$status/fpm-status
AddHandler lua-script .lua
<FilesMatch "[.]php\$">
    SetHandler "proxy:fcgi://127.0.0.1:$fpm_port"
</FilesMatch>
ProxyPass "/app" "http://127.0.0.1:$backend_port/app" disablereuse=on
END
    write_scripts($server);
    $server->start or die $server->error_log;
    my %made = running($server, grep {$_} $fpm, $backend);
    $made{stop} = sub { $server->begin(GET => "/stop?path=$stop") } if $stop;
    return \%made;
}

# --- The others ---------------------------------------------------------------

sub fpm_alone {
    my $server = WheelServer->new(wheel => 0, addresses => 0, config => '');
    my ($fpm, $port) = fpm($server->dir,
        'request_terminate_timeout = ' . LIMIT_SEC);
    $server->configure(processes => 1, threads => 16, config => <<"END");
@{[load_modules(qw(proxy proxy_fcgi))]}
<FilesMatch "[.]php\$">
    SetHandler "proxy:fcgi://127.0.0.1:$port"
</FilesMatch>
END
    write_scripts($server);
    $server->start or die $server->error_log;
    return { running($server, $fpm) };
}

# A session is found by the port of its client.
sub haproxy {
    my $dir = kept_dir();
    my ($backend, $backend_port) = backend($dir);
    my $port = free_port();
    spew("$dir/haproxy.cfg", <<"END");
global
    stats socket $dir/socket level admin
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend front
    bind 127.0.0.1:$port
    default_backend back
backend back
    server one 127.0.0.1:$backend_port
END
    my $pid = spawn($dir, $port,
        '/usr/bin/env', "LD_LIBRARY_PATH=$cache/usr/lib/x86_64-linux-gnu",
        "$cache/usr/sbin/haproxy", '-f', "$dir/haproxy.cfg");
    return {
        port => $port, roots => [$pid, $backend],
        stop => sub {
            my ($client_port) = @_;
            my ($session) = haproxy_says("$dir/socket", 'show sess')
                =~ /^(0x\w+): .*src=127\.0\.0\.1:$client_port /m
                or die "HAProxy doesn't list the session\n";
            haproxy_says("$dir/socket", "shutdown session $session");
        },
        end => sub { end_server($_, 1) for $pid, $backend },
    };
}

sub haproxy_says {
    my ($path, $command) = @_;
    my $socket = IO::Socket::UNIX->new($path) or die "$path: $!\n";
    print {$socket} "$command\n";
    local $/ = undef;
    return <$socket>;
}

# mod_wsgi takes the mean over all threads of a process for its limit.
sub wsgi {
    my ($processes, $threads) = @_;
    my $limit  = 'request-timeout=' . LIMIT_SEC;
    my $server = WheelServer->new(wheel => 0, addresses => 0, config => '');
    my $dir = $server->dir;
    copy($program, "$dir/app.wsgi") or die "$dir/app.wsgi: $!\n";
    $server->configure(processes => 1, threads => 16, config => <<"END");
LoadModule wsgi_module "@{[wsgi_file()]}"
WSGISocketPrefix "$dir/run/wsgi"
WSGIDaemonProcess app processes=$processes threads=$threads $limit
WSGIProcessGroup app
WSGIApplicationGroup %{GLOBAL}
WSGIScriptAlias /app "$dir/app.wsgi"
<Directory "$dir">
    Require all granted
</Directory>
END
    $server->start or die $server->error_log;
    return { running($server) };
}

sub uwsgi {
    my ($processes, $threads) = @_;
    my $dir  = kept_dir();
    my $port = free_port();
    my $pid  = spawn($dir, $port, '/usr/bin/uwsgi', '--plugin', 'python3',
        '--http-socket', "127.0.0.1:$port", qw(--master --die-on-term),
        '--processes', $processes, '--threads', $threads,
        '--harakiri', LIMIT_SEC, '--wsgi-file', $program);
    return { port => $port, roots => [$pid],
        end => sub { end_server($pid, 1) } };
}

1;
