# SPDX-License-Identifier: Apache-2.0
# Two modules as an author elsewhere would write them: a picture that is as fine
# as time allows, and a list that is sent while it is computed.  They work
# whether mod_wheel is loaded before them, after them or not at all, and over
# restarts that change that.

use strict;
use warnings FATAL => 'all';

use Compress::Zlib qw(crc32 uncompress);
use WheelHttpd qw(user_modules);
use WheelKeeper qw(alive);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

plan tests => 3 * 4 + 2 * 7 + 6, need_module 'wheel';

my $users  = user_modules(qw(gaps mandelbrot test_cxx));
my $config = <<'END';
WheelScheduling normal
END
my $locations = <<'END';
<Location "/gaps">
    SetHandler gaps
</Location>
<Location "/mandelbrot">
    SetHandler mandelbrot
</Location>
<Location "/cxx">
    SetHandler test-cxx
</Location>
END
my %order = (
    before => { first => '', wheel => 1, config => "$users$config$locations" },
    after  => { first => $users, wheel => 1, config => "$config$locations" },
    absent => { first => '', wheel => 0, config => "$users$locations" },
);

my $server = WheelServer->started(threads => 8, %{ $order{before} });
my $picture = $server->get('/mandelbrot?size=100&depth=100')->body;
use_all('before');
stop_both('before');

# Restarts change what is loaded, and jobs live through them.
my @jobs = begin_both();
restart('after');
is answers(@jobs), 'stop stop', 'jobs of before a restart are stopped after it';
use_all('after');
stop_both('after');

restart('absent');
is $server->get('/wheel-status?json')->status, 404,
    'another restart takes mod_wheel away';
use_all('absent');
my $brief = $server->get('/mandelbrot?size=2000&depth=20000&msec=100');
is $brief->header('Mandelbrot-Ended-By'), 'deadline',
    'without mod_wheel, a picture has its deadline still';
is png_fault($brief->body, 2000), '', 'and is one that can be looked at';

restart('before');
is answers(begin_both()), 'stop stop', 'a last restart brings it back';
is scalar(() = $server->error_log =~ /exit signal|WH002/g), 0,
    'and nothing has gone wrong';

# ----------------------------------------------------------------------------

sub use_all {
    my ($order) = @_;
    my $how = "mod_wheel $order";
    my $answer = $server->get('/mandelbrot?size=100&depth=100');
    is join(' ', map { $answer->header("Mandelbrot-$_") } qw(Ended-By Pixels)),
        'finished 10000', "$how: a picture is drawn to its end";
    is $answer->body, $picture, "$how: always the same";
    is $server->get('/gaps?to=1000')->body, <<'END', "$how: so is a list";
1 after 2
2 after 3
4 after 7
6 after 23
8 after 89
14 after 113
18 after 523
20 after 887
# 8 gaps up to 1000: finished
END
    my $own = $order eq 'absent' ? 0 : 500500;
    is $server->get('/cxx?1000')->body,
        "rv=0 end=finished sum=500500 handed_over=500500 own=$own\n",
        "$how: and what a module in C++ does";
    return;
}

# Both, under way for longer than any test takes.
sub begin_both {
    my @begun = map { $server->begin(GET => $_) }
        '/mandelbrot?size=2000&depth=20000', '/gaps';
    wait_until {
        collect(0, $begun[1]);
        $begun[1]{bytes} =~ /after 31397\r?\n/
            && 2 == grep { $_->{turns} > 4000 } $server->rotating;
    };
    return @begun;
}

# Stop both; what each says of its end.
sub answers {
    my @begun = @_;
    $server->get('/stop');
    await(@begun);
    return join ' ', $begun[0]->header('Mandelbrot-Ended-By') // 'none',
        ($begun[1]->body // '') =~ /^# .*: (\w+)\n\z/m;
}

sub stop_both {
    my $how   = "mod_wheel $_[0]";
    my @begun = begin_both();
    like $begun[1]{bytes}, qr/after 31397/,
        "$how: a list comes while it is computed";
    is join(' ', sort map { $_->{handler} . ' ' . $_->{name} } $server->running),
        'gaps gaps mandelbrot mandelbrot', "$how: both are listed";
    is answers(@begun), 'stop stop', "$how: a stop ends both, and they say so";
    my $pixels = $begun[0]->header('Mandelbrot-Pixels');
    cmp_ok $pixels, '>', 4000 - 2000, "$how: a part of the picture is there";
    cmp_ok $pixels, '<', 2000 * 2000, "$how: but not all";
    is png_fault($begun[0]->body, 2000), '', "$how: it can be looked at";
    like $begun[1]->body,
        qr/\A1 after 2\n.*72 after 31397\n.*^# (\d+) gaps up to \d+: stop\n\z/ms,
        "$how: the list ends with how far it came";
    return;
}

# Restart with another order.  An old process that holds no job may take one
# more request before it ends, and one of prefork that is about to begin may
# miss the restart: wait until all have ended and all have begun.
sub restart {
    my ($order) = @_;
    $server->configure(port => $server->port, %{ $order{$order} });
    my $now  = generation();
    my %held = map { $_->{pid} => 1 } eval { $server->running };
    my @old  = grep { !$held{$_} } $server->children;
    $server->graceful;
    # As many as any MPM has then: MinSpareServers is 5, and threads of new
    # processes come later where two are held by jobs.
    wait_until {
        generation() > $now && $server->idle_workers >= 4
            && !grep { alive($_) } @old;
    };
    return;
}

sub generation {
    my $text = eval { $server->get('/server-status?auto')->body } // '';
    return $text =~ /^ParentServerConfigGeneration: (\d+)$/m ? $1 : -1;
}

# What is wrong with a grey picture of so many pixels a side.
sub png_fault {
    my ($bytes, $size) = @_;
    $bytes =~ s/\A\x89PNG\r\n\x1a\n// or return 'no signature';
    my ($data, $seen) = ('', '');
    while (length $bytes) {
        my ($length, $type) = unpack 'N a4', $bytes;
        my $content = substr $bytes, 8, $length;
        crc32($type . $content) == unpack('N', substr $bytes, 8 + $length, 4)
            or return "a $type that is broken";
        return 'another size'
            if $type eq 'IHDR'
            && $content ne pack 'NNC5', $size, $size, 8, 0, 0, 0, 0;
        $data .= $content if $type eq 'IDAT';
        $seen = $type;
        substr $bytes, 0, 12 + $length, '';
    }
    return 'no end' if $seen ne 'IEND';
    my $lines = uncompress($data) // return 'lines that do not unpack';
    return length $lines == $size * ($size + 1) ? '' : 'lines missing';
}
