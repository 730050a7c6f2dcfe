# SPDX-License-Identifier: Apache-2.0
# The requests of a soak that are jobs by WheelRequests alone: scripts, files,
# and a silent backend; an account of them; and a child that writes over the
# shared memory.
package WheelSoak;

use strict;
use warnings FATAL => 'all';

use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(time);

use WheelHttpd qw(module_file spew user_modules);
use WheelRequests qw(cgi_config load_modules php_dir);
use WheelServer ();
use WheelTest qw(await collect wait_until);

# Requests under way at once: wheels are to find workers as well.
use constant { OPEN_MAX => 10, UNREAD_MAX => 3 };

# A path that nobody asks for in earnest: the slots of requests are found by it.
use constant MARK => 'hostile-request-mark';

# Scripts end by themselves: those of a killed child go on.
my $over = 'echo Content-Type: text/plain; echo; echo over';
my %cgi  = (
    loop     => "timeout 20 sh -c 'while :; do :; done'; $over",
    tree     => "(trap '' TERM; sleep 20) >/dev/null 2>&1 & sleep 20; $over",
    stubborn => "trap '' TERM; sleep 10; sleep 10; $over",
    quick    => $over,
);
my %php = (
    loop  => 'while (true) {}',
    sleep => 'sleep(20); echo "over";',
    quick => 'echo "quick";',
);
my %php_whole = (sleep => qr/\Aover\z/, quick => qr/\Aquick\z/);
my %lua = (
    loop  => 'while true do end',
    quick => 'r:puts("quick")',
);

# The configuration of a server with these requests.
sub config {
    my ($server) = @_;
    my $dir     = $server->dir;
    my $prefork = WheelServer::mpm() eq 'prefork';
    my $lua     = module_file() =~ s/mod_wheel\.so\z/mod_wheel_lua.so/r;
    my $php     = $prefork && php_dir();
    my $port    = silent_backend();
    spew("$dir/htdocs/$_.lua", "function handle(r)\n$lua{$_}\nend\n")
        for keys %lua;
    spew("$dir/htdocs/$_.php", "<?php $php{$_}") for keys %php;
    spew("$dir/htdocs/big", 'x' x (8 * 1024 * 1024));
    return join '', load_modules(qw(proxy proxy_http lua)),
        user_modules('test_busy'), cgi_config($server, %cgi), <<"END",
LoadModule wheel_lua_module "$lua"
Timeout 60
WheelRequests on slow=50ms
WheelOnStop refuse interrupt drain=6s
ProxyPass "/silent" "http://127.0.0.1:$port/"
<Location "/busy">
    SetHandler test-busy
</Location>
<Location "/limited">
    SetHandler test-busy
    WheelTimeout 300ms
</Location>
<Location "/cgi/loop">
    WheelCpuLimit 1s
</Location>
<Location "/left">
    SetHandler test-busy
    WheelOnDisconnect stop
</Location>
AddHandler lua-script .lua
END
        $php ? <<"END" : '';
LoadFile "$php/usr/lib/x86_64-linux-gnu/libargon2.so.1"
LoadFile "$php/usr/lib/x86_64-linux-gnu/libsodium.so.23"
LoadModule php_module "$php/usr/lib/apache2/modules/libphp8.2.so"
AddHandler application/x-httpd-php .php
php_admin_value max_execution_time 0
END
}

# A server that takes what comes and answers nothing, until this test ends.
sub silent_backend {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 50) or die "$!\n";
    my $test = $$;
    my $pid = fork // die "fork: $!\n";
    return $listener->sockport if $pid;
    # The keeper of the server's directory waits for the end of a pipe.
    POSIX::close($_) for grep { $_ != fileno $listener } 3 .. 63;
    my $select = IO::Select->new($listener);
    while (kill 0 => $test) {
        for my $ready ($select->can_read(1)) {
            if ($ready == $listener) {
                my $client = $listener->accept or next;
                $select->add($client);
            }
            elsif (!sysread $ready, my $bytes, 4096) {
                $select->remove($ready);
            }
        }
    }
    POSIX::_exit(0);
}

#   server  the server
#   broken  a reference to the number of times that connections were broken
#   wrong   where a wrong answer is told
sub new {
    my ($class, %want) = @_;
    my $php = WheelServer::mpm() eq 'prefork' && php_dir();
    return bless {
        %want, open => [], unread => [], stops => 0,
        account => { map { $_ => 0 } qw(asked whole told cut lost left late) },
        kinds => [
            # Target, method, is it whole at its end?
            ['/silent',         'GET'],
            # They end after a minute by themselves.
            ['/busy?wait=60',   'GET', qr/\A(?:waited|aborted)\n\z/],
            ['/busy?write=60',  'GET', qr/\A(?:a line [^\n]*\n)+\z/],
            ['/busy?body',      'POST'],
            ['/busy?deaf=0.3',  'GET', qr/\Adeaf\n\z/],
            ['/limited?wait',   'GET', qr/\A(?:waited|aborted)\n\z/],
            ['/left?wait',      'GET', qr/\A(?:waited|aborted)\n\z/],
            (map { ["/cgi/$_", 'GET', qr/\Aover\n\z/] } sort keys %cgi),
            (map { ["/$_.lua", 'GET', $_ eq 'quick' ? qr/\Aquick\z/ : undef] }
                sort keys %lua),
            (map { ["/$_.php", 'GET', $php_whole{$_}] }
                $php ? sort keys %php : ()),
        ],
    }, $class;
}

sub account { $_[0]{account} }

# A client that takes nothing of its answer, until a few more have come.
sub ask_without_reading {
    my ($self) = @_;
    my $target = rand() < 0.5 ? '/big' : '/busy?flood=60';
    my $answer = eval { $self->{server}->begin(GET => $target) } or return;
    $self->{account}{$_}++ for qw(asked left);
    push @{ $self->{unread} }, $answer;
    shift @{ $self->{unread} } if @{ $self->{unread} } > UNREAD_MAX;
    return;
}

sub ask {
    my ($self) = @_;
    return $self->ask_without_reading if rand() < 0.1;
    return if @{ $self->{open} } >= OPEN_MAX;
    my ($target, $method, $whole) = @{ $self->{kinds}[rand @{ $self->{kinds} }] };
    my $answer = eval {
        $self->{server}->begin($method => $target,
            headers => [$method eq 'POST' ? ('Content-Length' => 10) : ()]);
    } or return;
    $self->{account}{asked}++;
    push @{ $self->{open} }, { answer => $answer, target => $target,
        whole => $whole, broken => ${ $self->{broken} },
        stops => $self->{stops}, begun => time };
    return;
}

# What has become of a request that is answered.
sub outcome {
    my ($self, $request) = @_;
    my $answer = $request->{answer};
    my $status = $answer->status // 0;
    my $body   = $answer->body;
    my $stops  = $request->{stops} < $self->{stops}
        || $request->{target} =~ m{^/(?:limited|cgi/loop)};
    my $broken = $request->{broken} < ${ $self->{broken} };

    return 'whole'
        if $status == 200 && $request->{whole} && defined $body
        && $body =~ $request->{whole};
    return 'told' if $status =~ /\A50[34]\z/ && $stops
        && ($body // '') =~ /"request \d+ (?:was stopped|took|used)/;
    return 'cut'  if !defined $body && ($status == 200 || !$status) && $stops;
    return 'lost' if $broken && (!$status || !defined $body || $status =~ /\A50/);
    # Nobody has stopped it, and httpd waits for its body, or for the server
    # behind it, for a minute (Timeout).
    return 'late' if $request->{target} =~ m{^/(?:silent|busy\?body)\z}
        && $status =~ /\A(?:400|408|50[24])\z/
        && time - $request->{begun} >= 60;
    # Without mod_cgid's own process, which may be killed like a child.
    return 'lost' if $status == 503 && $request->{target} =~ m{^/cgi/}
        && ${ $self->{broken} };
    return;
}

sub settle {
    my ($self, $limit) = @_;
    my @open = @{ $self->{open} };
    collect($limit, map { $_->{answer} } @open);
    for my $request (grep { $_->{answer}->done } @open) {
        my $outcome = $self->outcome($request);
        $self->{account}{$outcome}++ if $outcome;
        push @{ $self->{wrong} }, join ' ', $request->{target},
            $request->{answer}->status // 'no answer',
            substr $request->{answer}->body // 'cut', 0, 200
            unless $outcome;
    }
    $self->{open} = [grep { !$_->{answer}->done } @open];
    return scalar @{ $self->{open} };
}

# A client goes; nobody gets its answer.
sub leave {
    my ($self) = @_;
    my $open = $self->{open};
    my ($request) = splice @$open, rand @$open, 1 or return;
    $self->{account}{left}++;
    close $request->{answer}->socket;
    return;
}

# One by its id, those of a path, or all.
sub stop {
    my ($self) = @_;
    my $server = $self->{server};
    my @listed = @{ $server->status->{requests} };
    my $row    = $listed[rand @listed];
    my $path   = $row ? $row->{path} : '/nobody';
    my @ways   = ("path=$path", 'kind=request&older=1', $row ? "id=$row->{id}" : (),
        'method=POST', 'handler=test-busy&wait=0.2');
    my $query  = $ways[rand @ways];
    $self->{stops}++;
    my $status = $server->get("/stop?$query")->status // 'no answer';
    push @{ $self->{wrong} }, "/stop?$query: $status"
        unless $status =~ /\A(?:200|404)\z/;
    return;
}

# All of them end.
sub rest {
    my ($self) = @_;
    return wait_until {
        $self->{stops}++;
        $self->{server}->get('/stop?kind=request');
        !$self->settle(0.3) && !@{ $self->{server}->status->{requests} };
    } 60;
}

# --- A child that writes what it likes ---------------------------------------

# The mappings of a process, shared with others, that hold a text.  That of the
# scoreboard holds it behind a method.
sub mappings_with {
    my ($pid, $text) = @_;
    no warnings qw(portable); # addresses have 64 bits
    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $mem, '<:raw', "/proc/$pid/mem" or return;
    my @found;
    while (<$maps>) {
        my ($begin, $end) = /^([0-9a-f]+)-([0-9a-f]+) rw-s/ or next;
        my ($at, $bytes) = (hex $begin, hex($end) - hex $begin);
        next if $bytes > 256 * 1024 * 1024;
        sysseek $mem, $at, 0 or next;
        my $content = '';
        while (length $content < $bytes) {
            sysread $mem, $content, $bytes - length $content, length $content
                or last;
        }
        push @found, [$at, $bytes]
            if index($content, $text) >= 0 && $content !~ m{(?:GET|POST) /};
    }
    return @found;
}

# Where requests and wheels stand in the memory of a child.
sub segments {
    my ($self) = @_;
    my $server = $self->{server};
    my $wheel  = $server->begin(GET => '/rotate/' . MARK);
    my $answer = $server->begin(GET => '/busy/' . MARK . '?deaf=3');
    wait_until {
        @{ $self->{segments} }
            = mappings_with(($server->children)[0], MARK);
        @{ $self->{segments} } > 1;
    };
    $server->get('/stop/' . MARK);
    await($wheel, $answer);
    return scalar @{ $self->{segments} };
}

# Write random bytes and numbers all over them.
sub scribble {
    my ($self, $times) = @_;
    my ($pid) = $self->{server}->children or return;
    open my $mem, '+<:raw', "/proc/$pid/mem" or return;
    my @numbers = (0, 1, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 2**53, ~0);
    for my $segment (@{ $self->{segments} }) {
        my ($at, $bytes) = @$segment;
        for (1 .. $times) {
            sysseek $mem, $at + 8 * int rand $bytes / 8, 0 or next;
            syswrite $mem, rand() < 0.5 ? pack('Q', $numbers[rand @numbers])
                : pack 'C*', map { int rand 256 } 1 .. 8 * (1 + int rand 16);
        }
    }
    return;
}

1;
