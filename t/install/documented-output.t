# SPDX-License-Identifier: Apache-2.0
# What README and manual show below a command is what the command prints: all
# commands behind a "$ " are run, page by page, and their output has the shape
# that stands there, which is the text but for its numbers.
#
# Under one MPM: the documents are the same for all.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use WheelControl qw(control_socket);
use WheelHttpd qw(checkout_dir libexec_dir module_file slurp spew);
use WheelPlan;
use WheelServer ();

my $top   = checkout_dir();
my %page  = map { m{([^/]+)\z} => [commands(slurp($_))] }
    "$top/README.md", glob "$top/mod_wheel/doc/*.md";
my $count = map {@$_} values %page;

plan tests => $count + 2, need_module 'wheel';

cmp_ok scalar @{ $page{'README.md'} }, '>', 5, 'the commands are found';
# Nobody takes what the kernel accepts for this backend.
my $backend = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "no backend: $!\n";
my $server = WheelServer->new(processes => 2, threads => 70);
my $dir    = $server->dir;
$server->configure(config => <<"END");
LoadModule proxy_module @{[libexec_dir()]}/mod_proxy.so
LoadModule proxy_http_module @{[libexec_dir()]}/mod_proxy_http.so
LoadModule cgid_module @{[libexec_dir()]}/mod_cgid.so
ScriptSock "$dir/run/cgid"
ScriptAlias "/cgi-bin" "$dir/cgi-bin"
Include $top/conf/wheel.conf
WheelRequests on
ProxyPass /app http://127.0.0.1:@{[$backend->sockport]}
<Location "/load">
    SetHandler wheel-rotate
    WheelScheduling normal
</Location>
<Directory "$dir/cgi-bin">
    Require all granted
</Directory>
END
mkdir "$dir/$_" or die "$!\n" for qw(bin work cgi-bin);
my $program = module_file() =~ s{[^/]+\z}{wheelctl}r;
spew("$dir/bin/wheelctl", "#!/bin/sh\nexec $program --socket "
    . control_socket($server) . ' "$@"' . "\n");
spew("$dir/cgi-bin/report", "#!/bin/sh\nwhile :; do :; done\n");
chmod 0755, "$dir/bin/wheelctl", "$dir/cgi-bin/report";
$server->start or die $server->error_log;

for my $name (sort keys %page) {
    my @commands = @{ $page{$name} } or next;
    my @printed  = run(map { $_->[0] } @commands);
    for my $command (@commands) {
        my ($text, $wanted) = @$command;
        is shape(shift @printed), shape($wanted), "$name: $text";
    }
}

my ($table) = slurp("$top/README.md") =~ /^(\| \| ms \|.*?)\n\n/ms;
my $results = slurp("$top/t/bench/results/results.md");
is join(' ', grep { $results !~ /\b\Q$_\E\b/ } $table =~ /(\d+\.\d+)/g), '',
    'the figures of the README are those of the last benchmark';

# The commands of a page, each with the output that stands below it.
sub commands {
    my ($text) = @_;
    my (@found, $indent);
    for my $line (split /\n/, $text) {
        if ($line =~ /\A( {4,})\$ (.*)/) {
            $indent = length $1;
            push @found, [$2, ''];
        }
        elsif (!defined $indent || $line !~ s/\A {$indent}//) {
            undef $indent;
        }
        elsif ($found[-1][1] eq '' && $line =~ /\A /) {
            $found[-1][0] .= "\n$line";
        }
        else {
            $found[-1][1] .= "$line\n";
        }
    }
    return @found;
}

# What each of these commands prints, in one shell.  What it starts in the
# background rotates before the next one runs, and what was stopped has gone.
sub run {
    my @commands = @_;
    my $port     = $server->port;
    my $settle   = <<'END';
settle() {
    for i in $(seq 200); do
        [ "$(curl -s "$status" | awk '/^Wheel(Rotating|Draining):/ { n += $2 }
            /^WheelRequest:/ { n++ } END { print n }')" != \
            "$(jobs -pr | wc -l)" ] || return
        sleep 0.05
    done
}
END
    my $script = "${settle}settle\n" . join "\necho; echo ====\nsettle\n", @commands,
        'curl -s "$stop" >stopped';
    spew("$dir/script", $script =~ s{//127\.0\.0\.1\b(?::8000)?}{//127.0.0.1:$port}gr);
    local $ENV{PATH} = "$dir/bin:$ENV{PATH}";
    local $ENV{status} = "http://127.0.0.1:$port/wheel-status?auto";
    local $ENV{stop} = "http://127.0.0.1:$port/stop?wait=5";
    my $printed = qx(cd '$dir/work' && timeout 200 bash ../script 2>/dev/null);
    return split /^====\n/m, $printed;
}

sub shape {
    my ($text) = @_;
    return ($text // 'nothing') =~ s/\d+(?:\.\d+)?/N/gr =~ s/[ \t]+/ /gr
        =~ s/\s+\n/\n/gr =~ s/\s+\z//r;
}
