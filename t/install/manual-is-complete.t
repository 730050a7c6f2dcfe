# SPDX-License-Identifier: Apache-2.0
# The manual has a section or a row for all that the code offers: directives,
# parameters, calls of the API, messages, notes, headers, reasons; and tells of
# nothing that is not there.
#
# Under one MPM: the manual is the same for all.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir slurp);
use WheelPlan;

plan tests => 27, need_module 'wheel';

my $from   = checkout_dir() . '/mod_wheel';
my %page   = map { m{([^/]+)\z} => slurp($_) } glob "$from/doc/*.md";
my $manual = join "\n", @page{ sort keys %page };
my %source = map { m{^\Q$from\E/(.+)} => without_comments(slurp($_)) }
    grep { !m{/examples/} } glob "$from/*.[ch] $from/*/*.[ch]";
my $code = join "\n", @source{ grep {/\.c\z/} sort keys %source };

# Each heading with what stands below it, what stands below its own headings
# included.  Examples are left out.
my (%section, @headings, @open);
for my $line (split /^/, $manual =~ s/^(?: {4}|\t).*$//mgr) {
    if ($line =~ /^(#+) (.+)$/) {
        splice @open, length($1) - 1;
        $open[length($1) - 1] = $2;
        push @headings, $2;
    }
    $section{$_} .= $line for grep {defined} @open;
}

# --- Directives -------------------------------------------------------------

# By name, whether they are allowed in a directory.
my %directive = map { @$_ } map {
    my ($name, $rest) = /\A"(\w+)"(.*)/s;
    [$name => $rest =~ /ACCESS_CONF|OR_/ ? 1 : 0];
} $code =~ /AP_INIT_\w+\(\s*("\w+"(?:[^"]*?))(?=")/g;
cmp_ok keys %directive, '>', 5, 'the directives are found in the source';
my @told = grep {/\AWheel[A-Z]\w+\z/} @headings;
same(\@told, [keys %directive], 'each directive has its section');
is "@told", join(' ', sort @told), 'in the order of the alphabet';
my (%bad, %contexts);
for my $name (@told) {
    my %row = $section{$name} =~ /^\| (\w+) \| (.+) \|$/mg;
    $bad{$name} = join ' ', grep { !$row{$_} }
        qw(Description Syntax Default Context);
    $bad{$name} .= ' Syntax' if ($row{Syntax} // '') !~ /\A`$name /;
    $contexts{$name} = $row{Context} =~ /\bdirectory\b/ ? 1 : 0;
}
is join(' ', map {"$_:$bad{$_}"} grep { $bad{$_} } sort keys %bad), '',
    'with description, syntax, default and context';
is_deeply \%contexts, \%directive, 'and the context is the one in the code';
my ($list) = $page{'directives.md'} =~ /\A# Directives\n\n(.*?)\n\n/s;
same([$list =~ /\[(\w+)\]/g], \@told, 'the list of contents has them all');
my $shipped = slurp("$from/../conf/wheel.conf");
is join(' ', grep { !exists $directive{$_} }
    $shipped =~ /^#?(Wheel\w+) /mg), '', 'conf/wheel.conf has no others';

# --- Parameters of requests -------------------------------------------------

# Each table of parameters belongs to a handler, or is of a directive's options.
my %handler = (
    'demo/rotate.c'  => 'wheel-rotate', 'operations/stop.c' => 'wheel-stop',
    'http/status.c'  => 'wheel-status', 'server/config_cluster.c' => 'WheelCluster',
    'core/filter.c'  => 'filters',
);
my %param;
for my $file (sort keys %source) {
    while ($source{$file}
        =~ /(?:wheel_param_t\s+\w+|cluster_options)\[\w*\]\s*=\s*\{(.*?)\};/sg) {
        my @names = $1 =~ /\{"([\w-]+)"/g or next;
        push @{ $param{ $handler{$file} // "$file, of what?" } }, @names;
    }
}
same([keys %param], [values %handler], 'parameters are found where they belong');
my @filters = @{ delete $param{ delete $handler{'core/filter.c'} } };
push @{ $param{$_} }, @filters for qw(wheel-stop wheel-status);
for my $handler (sort values %handler) {
    my $said  = $section{$handler} =~ s/^\| note `wheel-refused`.*//smr;
    my %known = map { $_ => 1 } @{ $param{$handler} };
    is join(' ', grep { $said !~ /`$_(?:=[^`]*)?`/ } sort keys %known), '',
        "$handler: each is told of";
    is join(' ', grep { !$known{$_} } $said =~ /^\| `([\w-]+)(?:=[^`]*)?`/mg), '',
        "$handler: and no other";
}
my ($reasons) = $section{'wheel-rotate'} =~ /^\| note `wheel-refused`(.*)/sm;
my ($names)   = $code =~ /\bconst refusal_names\[\w*\] = \{(.*?)\};/s;
same([$reasons =~ /^\| `(\w+)` \|/mg], [grep { $_ ne 'none' } $names =~ /"(\w+)"/g],
    'each reason of a refusal has its row');

# --- The API ----------------------------------------------------------------

my $api = $source{'mod_wheel.h'};
my @calls = grep { !/\Awheel_alone_/ }  # serve the others alone
    $api =~ /APR_DECLARE_OPTIONAL_FN\([^,]+,\s*(\w+)/g,
    $api =~ /^static inline [^(]*?(\w+)\(/mg;
cmp_ok @calls, '>', 3, 'the calls of the API are found in its header';
my @rows = $section{'For authors of modules'} =~ /^\| (`wheel_\w+\(\)`.*?) \|/mg;
same([map {/`(wheel_\w+)\(\)`/g} @rows], \@calls, 'each call has its row');

# --- Messages, notes, headers -----------------------------------------------

my %level = (WARNING => 'warn', ERR => 'error');
my %message;
for my $call (split /;/, $code) {
    my @ids = $call =~ /"(WH\d{4}):/g or next;
    my ($level) = $call =~ /.*\bAPLOG_(?!MARK|USE)([A-Z]+)\b/s;
    $message{$_} = $level{ $level // '' } // lc($level // '') for @ids;
}
my %row = map { my ($ids, $level) = /\A(.*?) \| (\w+) \|/;
    map { $_ => $level } split /, /, $ids }
    $section{Logging} =~ /^\| (WH.*)$/mg;
same([keys %row], [$code =~ /\bWH\d{4}\b/g], 'each message has its row');
is_deeply {%row}, { %row, map { $message{$_} ? ($_ => $message{$_}) : () }
    keys %message }, 'with its level';
cmp_ok scalar(grep {$_} values %message), '>', 20, 'which the code has';

my %note = map { $_ => 1 } $code =~ /notes,\s*"(wheel-[a-z-]+)"/g;
is join(' ', grep { $section{Logging} !~ /`$_`/ } sort keys %note), '',
    'each note of a request is told of';
my %header = map { $_ => 1 } $code =~ /"(Wheel-[A-Z][A-Za-z-]+)"/g;
is join(' ', grep { $manual !~ /\b$_\b/ } sort keys %header), '',
    'and each header of an answer';

# --- Links and paths ---------------------------------------------------------

# Pages are installed without the source beside them: their links lead to other
# pages, those of the README to anything in the source.
my $top = checkout_dir();
my %anchors;
for my $name (keys %page) {
    $anchors{$name} = { map { lc(s/[^\w\s-]//gr =~ s/\s/-/gr) => 1 }
        $page{$name} =~ /^#+ (.+)$/mg };
}
my @dead;
for my $name (sort keys %page) {
    for my $link ($page{$name} =~ /\]\((?!https?:)([^)]+)\)/g) {
        my ($file, $anchor) = $link =~ /\A([^#]*)#?(.*)\z/;
        $file ||= $name;
        push @dead, "$name: $link" unless -f "$from/doc/$file"
            && ($anchor eq '' || $anchors{$file}{$anchor});
    }
}
for my $link (slurp("$top/README.md") =~ /\]\((?!https?:)([^)]+)\)/g) {
    my ($file, $anchor) = $link =~ /\A([^#]+)#?(.*)\z/;
    my ($name) = $file =~ m{([^/]+)\z};
    push @dead, "README.md: $link" unless -e "$top/$file"
        && ($anchor eq '' || $anchors{$name}{$anchor});
}
is "@dead", '', 'each link leads somewhere';
my @linked = $page{'manual.md'} =~ /\]\((\w[\w-]*\.md)\)/g;
same(['manual.md', @linked], [keys %page], 'the index has every page');
# A program that is built is there by its source.
my %path = map { s{/\.build(/\w+)\z}{$1.c}r => 1 } map {
    m{`((?:t|conf|mod_wheel)/[\w./-]*\w)`}g
} $manual, slurp("$top/README.md");
is join(' ', grep { !-e "$top/$_" } sort keys %path), '',
    'each file of the source that is named is there';

sub without_comments {
    my ($text) = @_;
    return $text =~ s{/\*.*?\*/}{}sgr =~ s{"\s*\n\s*"}{}gr;
}

sub same {
    my ($seen, $wanted, $sentence) = @_;
    my @lists = map { my %once = map { $_ => 1 } @$_; [sort keys %once] }
        $seen, $wanted;
    return is_deeply $lists[0], $lists[1], $sentence;
}
