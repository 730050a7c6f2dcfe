# SPDX-License-Identifier: Apache-2.0
# What t/bench/run has measured, as Markdown and as plots.
package BenchReport;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);

use List::Util qw(max min sum0);
use POSIX ();

use WheelHttpd qw(httpd_program slurp spew);

# What a module that is not used may cost: a figure of thousandths.
use constant UNUSED_MAX => 1.01;

our @EXPORT_OK = qw(median ms quantile ratio table);

# --- Figures ------------------------------------------------------------------

sub quantile {
    my ($share, @values) = @_;
    return unless @values;
    my @sorted = sort { $a <=> $b } @values;
    return $sorted[int($share * $#sorted + 0.5)];
}

sub median { quantile(0.5, @_) }

# The rounds' samples of one kind: a list of lists, usec.
sub rounds_of {
    my ($result, $name, $count, $series) = @_;
    return grep { $_ && @$_ }
        map { $_->{$series} } @{ $result->{cell}{$name}{$count} // [] };
}

# A quantile of each round, and of these the median: a round that something
# else disturbed doesn't decide.  Rare ones (the worst) are of all rounds.
sub figure {
    my ($result, $name, $count, $series, $share) = @_;
    my @rounds = rounds_of($result, $name, $count, $series) or return;
    return quantile($share, map {@$_} @rounds)
        if $share > 0.99 || min(map { scalar @$_ } @rounds) < 50;
    return median(map { quantile($share, @$_) } @rounds);
}

# usec as milliseconds, three digits.
sub ms {
    my ($usec) = @_;
    return '-' unless defined $usec;
    my $ms = $usec / 1000;
    return sprintf $ms < 10 ? '%.2f' : $ms < 100 ? '%.1f' : '%.0f', $ms;
}

sub ratio {
    my ($of, $to) = @_;
    return defined $of && $to ? sprintf '%.2f', $of / $to : '-';
}

# --- Tables -------------------------------------------------------------------

sub table {
    my ($head, @rows) = @_;
    return join '', map { '| ' . join(' | ', @$_) . " |\n" }
        $head, [map { $_ ? '---:' : '---' } 0 .. $#$head], @rows;
}

# A row for each server, a column for each number of wheels.
sub by_count {
    my ($result, $title, $cell, @counts) = @_;
    return table([ $title, @counts ],
        map {
            my $name = $_->{name};
            [ $name, map { $cell->($name, $_) } @counts ];
        } @{ $result->{kinds} });
}

sub latency_cell {
    my ($result, $series, @shares) = @_;
    return sub {
        my ($name, $count) = @_;
        my @figures = map { figure($result, $name, $count, $series, $_) }
            @shares;
        return @figures ? join(' / ', map { ms($_) } @figures) : 'none';
    };
}

sub wheel_counts { grep { $_ > 0 } @{ $_[0]{counts} } }

# Per cent of all wheels that were asked for that one stop ended.
sub share_cell {
    my ($result) = @_;
    return sub {
        my ($name, $count) = @_;
        my @cells = @{ $result->{cell}{$name}{$count} // [] } or return '-';
        my $asked = sum0(map { $_->{wheels}[0] } @cells);
        my $ended = sum0(map { $_->{wheels}[1] } @cells);
        return $asked ? sprintf('%.0f %%', 100 * $ended / $asked) : '-';
    };
}

sub latency_tables {
    my ($result) = @_;
    my @counts = @{ $result->{counts} };
    my @wheels = wheel_counts($result);
    return (
        "A small file beside so many wheels, ms (median / 99 %):\n",
        by_count($result, 'a small file',
            latency_cell($result, '/hello.txt', 0.5, 0.99), @counts),
        "`/stop` is answered after, ms (median / worst):\n",
        by_count($result, '`/stop`',
            latency_cell($result, 'stop', 0.5, 1), @counts),
        "The last wheel's answer after `/stop`, ms (median / worst):\n",
        by_count($result, 'last answer',
            latency_cell($result, 'last', 0.5, 1), @wheels),
    );
}

sub more_tables {
    my ($result) = @_;
    my @counts = @{ $result->{counts} };
    my @wheels = wheel_counts($result);
    return (
        "Wheels that one `/stop` ended:\n",
        by_count($result, 'ended', share_cell($result), @wheels),
        "From the first request until so many wheels turn, ms"
            . " (median / worst):\n",
        by_count($result, 'all turn',
            latency_cell($result, 'rotating', 0.5, 1), @wheels),
        "The tail of a small file, ms (99.9 % / worst):\n",
        by_count($result, 'a small file',
            latency_cell($result, '/hello.txt', 0.999, 1), @counts),
    );
}

sub million { defined $_[0] ? sprintf '%.1f', $_[0] / 1e6 : '-' }

# Medians of the rounds' ratios: both sides of each were measured one behind
# the other.
sub pair_ratio {
    my ($of, $to) = @_;
    return unless $of && $to && @$of && @$of == @$to;
    return median(map { $of->[$_] / $to->[$_] } 0 .. $#$of);
}

sub rate_table {
    my ($result) = @_;
    my ($rate, $bare) = @$result{qw(rate bare)};
    my @bare = map { [map {@$_} values %{ $bare->{$_} }] } 1, 2;
    my @rows = [ 'the bare loop', million(median(@{ $bare[0] })), '1.00',
        million(median(@{ $bare[1] })),
        ratio(median(@{ $bare[1] }), median(@{ $bare[0] })), '-' ];
    for my $name (map { $_->{name} } @{ $result->{kinds} }) {
        my ($one, $two) = map { $rate->{$_}{$name} // [] } 1, 2;
        my $memory = $result->{memory}{$name};
        push @rows, [ $name,
            million(median(@$one)), ratio(pair_ratio($one, $bare->{1}{$name}), 1),
            million(median(@$two)), ratio(pair_ratio($two, $one), 1),
            $memory ? sprintf('%.0f KB', $memory->[0] / 1000) : '-' ];
    }
    return table([ 'turns', 'one wheel, million a second', 'of the bare loop',
        'two wheels', 'of one', 'memory a wheel' ], @rows);
}

# Beside wheels against idle, and the client's own share in it.
sub ratio_table {
    my ($result) = @_;
    my @rows;
    for my $name (map { $_->{name} } grep { $_->{ours} } @{ $result->{kinds} }) {
        for my $count (wheel_counts($result), 1000) {
            next unless $result->{cell}{$name}{$count};
            push @rows, [ "$name, $count wheels",
                map { against_idle($result, $name, $count, @$_) }
                ['/hello.txt', 0.5], ['/hello.txt', 0.99],
                ['/hello.txt', 0.999], ['stop', 0.5], ['stop', 0.99],
                ['control', 0.5], ['control', 0.99] ];
        }
    }
    return table([ 'times the idle figure', 'file 50 %', '99 %', '99.9 %',
        '`/stop` 50 %', '99 %', 'control 50 %', '99 %' ], @rows);
}

sub against_idle {
    my ($result, $name, $count, $series, $share) = @_;
    return ratio(map { figure($result, $name, $_, $series, $share) } $count, 0);
}

sub empty_table {
    my ($result) = @_;
    my @ours = grep { $_->{ours} } @{ $result->{kinds} };
    my @rows;
    for my $name (map { $_->{name} } @ours) {
        for my $series ('/empty', '/hello.txt', 'stop', 'control') {
            push @rows, [ "$name: " . ($series eq 'stop' ? '/stop' : $series),
                map { ms(figure($result, $name, 0, $series, $_)) }
                0.5, 0.99, 0.999, 1 ];
        }
    }
    return table([ 'no wheel, ms', '50 %', '99 %', '99.9 %', 'worst' ], @rows);
}

# What the same machine takes, in the same run, for what every wheel needs.
sub reference_table {
    my ($result) = @_;
    my @rows;
    for my $name (map { $_->{name} } grep { $_->{ours} } @{ $result->{kinds} }) {
        push @rows, map {
            my ($what, $count, $series) = @$_;
            [ "$name: $what", map {
                ms(figure($result, $name, $count, $series, $_))
            } 0.5, 0.99 ];
        } ['a wake and back', 0, 'wake'], ['a fork and back', 0, 'fork'],
            map {
                ["$_ requests until workers have them", $_, 'held'],
                ["the last of $_ empty answers",        $_, 'empty'],
                ["the last of $_ wheels",               $_, 'last'],
            } 100, grep { $_ > 100 } wheel_counts($result), 1000;
    }
    return table([ 'the machine, ms', '50 %', '99 %' ], @rows);
}

# --- The goals ----------------------------------------------------------------

# What is asked, what was measured, and whether it holds.
sub goal_row {
    my ($name, $what, $limit, $measured, $at_least) = @_;
    return [ $name, $what, $limit, '-', '-' ] unless defined $measured;
    my $good = $at_least ? $measured >= $limit : $measured <= $limit;
    my $digits = $limit == UNUSED_MAX ? 3 : 2;
    return [ $name, $what, $limit, sprintf("%.${digits}f", $measured),
        $good ? 'yes' : 'no' ];
}

# Of the cells that were measured in turns with idle ones.
sub turns_ratio {
    my ($result, $name, $series, $share) = @_;
    my ($of, $to) = map { figure($result, $name, "$_, in turns", $series,
        $share) } 500, 0;
    return defined $of && $to ? $of / $to : undef;
}

sub goal_rows {
    my ($result, $name) = @_;
    my ($one, $two) = map { $result->{rate}{$_}{$name} // [] } 1, 2;
    my $last = sub { times_of($result, $name, $_[0], 'last', 'empty') };
    my $memory = $result->{memory}{$name};
    return map { goal_row($name, @$_) } (
        (map {
            my ($what, $series) = @$_;
            (["500 wheels: $what, median against idle", 1.1,
                turns_ratio($result, $name, $series, 0.5)],
            ["500 wheels: $what, 99 % against idle", 1.1,
                turns_ratio($result, $name, $series, 0.99)]);
        } ['a small file', '/hello.txt'], ['`/stop/nobody`', '/stop/nobody']),
        ['500 wheels: a small file, 99.9 % against idle', 2,
            turns_ratio($result, $name, '/hello.txt', 0.999)],
        ["(the same, of the control server: the client's own share)", 2,
            turns_ratio($result, $name, 'control', 0.999)],
        (map {
            ["last of $_ wheels, times $_ empty answers", 2, $last->($_)]
        } 128, 500, 1000),
        ['the same, `ExtendedStatus Off`', 2,
            $last->('1000, ExtendedStatus Off')],
        ['one wheel, of the bare loop', 0.95,
            pair_ratio($one, $result->{bare}{1}{$name}), 1],
        ['two wheels, of one', 1.95, pair_ratio($two, $one), 1],
        ['memory of each of 1,000 wheels, KB', 100,
            $memory ? $memory->[0] / 1000 : undef],
        ['100 at once until all turn, times until workers have as many', 2,
            times_of($result, $name, 100, 'rotating', 'held')],
        ['unused module, times none', UNUSED_MAX, unused_ratio($result, $name)],
    );
}

# One median beside the same number of wheels, of another.
sub times_of {
    my ($result, $name, $count, @series) = @_;
    my ($of, $to)
        = map { figure($result, $name, $count, $_, 0.5) } @series;
    return defined $of && $to ? $of / $to : undef;
}

# The median over rounds of what was loaded, against what was not.
sub unused_ratio {
    my ($result, $name) = @_;
    my ($mpm) = $name =~ /(\w+)$/;
    my @rounds = @{ $result->{unused}{$mpm} // [] };
    return median(map { ($_->[1] + $_->[3]) / ($_->[0] + $_->[2]) } @rounds);
}

sub goals_table {
    my ($result) = @_;
    return table([ 'server', 'goal', 'limit', 'measured', 'holds' ],
        map { goal_rows($result, $_->{name}) }
        grep { $_->{ours} } @{ $result->{kinds} });
}

sub unused_table {
    my ($result) = @_;
    my @rows;
    for my $mpm (sort keys %{ $result->{unused} }) {
        my @rounds = @{ $result->{unused}{$mpm} };
        my @four   = map {
            my $n = $_;
            sprintf '%.4f', median(map { $_->[$n] } @rounds) / 1000;
        } 0, 2, 1, 3;
        my @apart = map { abs $_->[2] / $_->[0] - 1 } @rounds;
        push @rows, [ $mpm, @four, sprintf('%.1f %%', 100 * median(@apart)),
            sprintf '%.3f', unused_ratio($result, $mpm) ];
    }
    return table([ 'MPM', 'without, ms', 'another', 'loaded', 'another',
        'two without differ by', 'loaded, of without' ], @rows);
}

sub end_table {
    my ($result) = @_;
    my @rows;
    for my $name (sort keys %{ $result->{end} }) {
        my $of = $result->{end}{$name};
        my ($idle, $most) = map { $of->{$_} } sort { $a <=> $b } keys %$of;
        push @rows, [ $name, (map { ms(median(@{ $_->{usec} // [] })) } $idle,
            $most), "$most->{answered} of $most->{asked}" ];
    }
    return table([ 'gone after TERM, ms', 'idle', '128 wheels',
        'clients with a number' ], @rows);
}

# Beside no wheel and beside 128 of them.
sub hard_table {
    my ($result) = @_;
    my @rows;
    for my $case (@{ $result->{hard} }) {
        my ($idle, $beside) = @{ $case->{cells} };
        push @rows, [ $case->{name},
            (map { spread($_, '/hello.txt', 0.5, 0.99) } $idle, $beside),
            (map { spread($_, 'stop', 0.5, 1) } $idle, $beside),
            spread($beside, 'last', 0.5, 1) ];
    }
    return table([ 'event, ms', 'a small file (median / 99 %), no wheel',
        '128 wheels', '`/stop` (median / worst), no wheel', '128 wheels',
        'the last answer' ], @rows);
}

sub spread {
    my ($cell, $series, @shares) = @_;
    my $samples = $cell->{$series} // return 'none';
    return join ' / ', map { ms(quantile($_, @$samples)) } @shares;
}

sub shared_table {
    my ($result) = @_;
    return table([ 'slots', 'jobs', 'claim and leave, usec', 'stop of none',
        'stop of all', 'snapshot' ],
        map { [split] } split /\n/, $result->{table});
}

# --- The machine --------------------------------------------------------------

sub first_line {
    my ($command) = @_;
    my ($line) = qx($command 2>/dev/null) =~ /^(.*)$/m;
    return $line // '';
}

sub package_version {
    my ($package) = @_;
    return first_line("dpkg-query -W -f '\${Version}' $package")
        =~ s/[-+].*//r;
}

sub machine {
    my ($result) = @_;
    my ($go) = first_line('go version') =~ /go([\d.]+)/;
    my @others = map {
        my ($name, $version) = ($_->[0], package_version($_->[1]));
        $version ? "$name $version" : ();
    } ['FastAPI', 'python3-fastapi'], ['uvicorn', 'uvicorn'],
        ['gunicorn', 'gunicorn'];
    return where($result->{ended}, @others, $go ? "Go $go" : ())
        . sprintf "; %d rounds in %.0f minutes; the machine's load before: "
        . "%.1f.\n", $result->{rounds},
        ($result->{ended} - $result->{begun}) / 60, $result->{load};
}

# Of all processes of the machine, when this program began.
my ($load) = split ' ', slurp('/proc/loadavg');

# On what and when it is measured, now, with the versions of others.
sub here {
    return where(time, @_) . "; the machine's load before: $load.";
}

# When and on what something was measured, beside which others.
sub where {
    my ($ended, @others) = @_;
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
    my ($memory) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    my ($httpd) = first_line(httpd_program() . ' -v') =~ m{/([\d.]+)};
    return sprintf '%s; %d cores of %s, %.0f GB; Linux %s; %s',
        POSIX::strftime('%Y-%m-%d %H:%M', gmtime $ended), qx(nproc),
        $cpu // 'an unknown kind', ($memory // 0) / 1e6,
        (POSIX::uname())[2] =~ s/-.*//r,
        join(', ', 'httpd ' . ($httpd // '?'), @others);
}

# Beside the tables, since nobody looks for it below them.
our $peers_note = "The others are the packages of the Debian release that "
    . "httpd is from, with\nthe versions above; newer ones were not measured.\n";

sub peers {
    my ($result) = @_;
    return () unless grep { !$_->{ours} } @{ $result->{kinds} };
    return $peers_note;
}

# --- All of it ----------------------------------------------------------------

sub text {
    my ($result) = @_;
    return join "\n", machine($result), peers($result), latency_tables($result),
        rate_table($result), more_tables($result),
        "Against an idle server:\n", ratio_table($result),
        "An idle server, and what httpd itself takes (`/empty`):\n",
        empty_table($result),
        "What the machine itself takes:\n", reference_table($result),
        "The goals:\n", goals_table($result),
        %{ $result->{unused} }
        ? ("A module that is loaded and not used:\n", unused_table($result))
        : (),
        %{ $result->{end} }
        ? ("From TERM until the server is gone (medians of 3):\n",
            end_table($result))
        : (),
        @{ $result->{hard} }
        ? ("Where it is hard:\n", hard_table($result))
        : (),
        $result->{table}
        ? ("The table's own cost (medians):\n", shared_table($result))
        : ();
}

my $how = <<'END';
One client measures all, at real-time priority (`SCHED_FIFO`), so that neither
wheels nor servers hold it back; it asks a *control* server of the same priority
between the others, whose figures beside wheels against idle are the client's
own share (last columns of *Against an idle server*). Every request has a
connection of its own, from `connect` to the last byte. Rounds are interleaved;
a figure is the median of the rounds' figures, the worst and 99.9 % are of all
rounds, and so is everything of which a round has fewer than 50. *none*: no
answer within the limits (2 to 4 seconds); what failed in two rounds was not
tried again. *Memory a wheel* is what the server takes with wheels less what it
took before the first, by wheels (1,000 of ours, 8 of the others): its share of
pages, page tables and kernel stacks.

END

# The rows of the README's table: how each begins, and what it shows, as
# arguments of figure().
my @cited = (
    ['a small file, 99 %',        [0, '/hello.txt', 0.99],
        [128, '/hello.txt', 0.99]],
    ['`/stop`, median',           [0, 'stop', 0.5], [128, 'stop', 0.5]],
    ['the last of 128 answers',   [128, 'last', 0.5]],
);

# Bring the figures of the README up to those of this run.
sub cite {
    my ($result, $file) = @_;
    my $text = slurp($file);
    for my $row (@cited) {
        my ($begin, @shown) = @$row;
        my $figures = join ', ',
            map { ms(figure($result, 'mod_wheel, event', @$_)) } @shown;
        $text =~ s/^(\| \Q$begin\E[^|]*\|) .* \|$/$1 $figures |/m
            or die "$file has no row '$begin'\n";
    }
    spew($file, $text);
    return;
}

# results.md, the plot, and what the README shows of them.
sub write_results {
    my ($result, $bench) = @_;
    my $dir = "$bench/results";
    mkdir $dir;
    spew("$dir/results.md", "# mod_wheel beside the others\n\n"
        . "By `./build.sh bench`, which writes this file.\n\n$how"
        . text($result) . "\n![A small file beside wheels](beside.svg)\n");
    plot($result, $dir);
    cite($result, "$bench/../../README.md");
    return;
}

# --- The plot -----------------------------------------------------------------

# One message: what other requests take beside wheels.  In the colours of a page
# in light and in dark; none behind it.
my %look = (
    'beside.svg'      => { ink => '#1f2328', grid => '#d0d7de',
        ours => ['#0969da', '#54aeff', '#80ccff'],
        others => ['#bc4c00', '#e16f24', '#8c959f'] },
    'beside-dark.svg' => { ink => '#e6edf3', grid => '#3d444d',
        ours => ['#79c0ff', '#388bfd', '#1f6feb'],
        others => ['#ffa657', '#db6d28', '#8b949e'] },
);

# Of a logarithmic axis, no wheel stands where half a wheel would.
sub plot_data {
    my ($result, $name) = @_;
    return join '', map {
        my $usec = figure($result, $name, $_, '/hello.txt', 0.99);
        defined $usec ? sprintf("%g %g\n", $_ || 0.5, $usec / 1000) : ();
    } grep { $_ != 39 } @{ $result->{counts} };
}

sub plot {
    my ($result, $dir) = @_;
    if (system('command -v gnuplot >/dev/null')) {
        print STDERR "no gnuplot, no plot\n";
        return;
    }
    draw($result, "$dir/$_", $look{$_}) for sort keys %look;
    return;
}

sub draw {
    my ($result, $file, $look) = @_;
    my %left  = map { $_ => [@{ $look->{$_} }] } qw(ours others);
    my @kinds = @{ $result->{kinds} };
    my $data  = join "\n\n", map { plot_data($result, $_->{name}) } @kinds;
    my $lines = join ', ', map {
        my $kind   = $kinds[$_];
        my $colour = shift @{ $left{ $kind->{ours} ? 'ours' : 'others' } };
        qq(\$data index $_ using 1:2 with linespoints linewidth 2 pointtype 7 )
            . qq(pointsize 0.5 linecolor rgb "$colour" title "$kind->{name}");
    } 0 .. $#kinds;
    my $tics = join ', ', map { sprintf '"%d" %g', $_, $_ || 0.5 }
        grep { $_ != 39 } @{ $result->{counts} };
    my $ink = qq(textcolor rgb "$look->{ink}");
    open my $gnuplot, '|-', 'gnuplot' or die "gnuplot: $!\n";
    print {$gnuplot} <<"END";
set terminal svg size 720,400 font "sans-serif,13"
set output "$file"
set termoption noenhanced
set title "How long a small file takes beside wheels (99 %)" $ink
set logscale xy
set xrange [0.4:700]
set yrange [0.1:10000]
set xtics ($tics) $ink
set ytics $ink
set xlabel "wheels that turn" $ink
set ylabel "ms" $ink
set border 3 linecolor rgb "$look->{ink}"
set tics nomirror
set grid ytics linecolor rgb "$look->{grid}" linetype 1 linewidth 0.5
set key outside right center vertical Left reverse $ink
\$data << EOD
$data
EOD
plot $lines
END
    close $gnuplot or die "gnuplot failed\n";
    return;
}

1;
