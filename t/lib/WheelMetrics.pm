# SPDX-License-Identifier: Apache-2.0
# The metrics of a server, read back, and programs of others that judge what its
# status says.
package WheelMetrics;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use File::Temp ();
use POSIX ();

use WheelHttpd qw(checkout_dir spew);

our @EXPORT_OK = qw(prometheus_program judge samples schema_errors scrape);

# Where build.sh puts what it doesn't install.
my $unpacked = checkout_dir() . '/t/.cache/prometheus/usr/bin';

sub prometheus_program {
    my ($name) = @_;
    my ($file) = grep { -x } map {"$_/$name"} split(/:/, $ENV{PATH}), $unpacked;
    return $file
        // die "$name is missing: ./build.sh test fetches Debian's prometheus\n";
}

# Run a program with this text as its input.  Returns its exit code and all it
# has said.
sub judge {
    my ($text, @command) = @_;
    my $input = File::Temp->new;
    spew($input->filename, $text);
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN, '<', $input->filename or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    local $/ = undef;
    my $words = <$out> // '';
    close $out;
    return ($? >> 8, $words);
}

# What is wrong with each of these JSON statuses by their schema; empty where
# nothing is.  One start of the validator takes longer than a hundred of them.
# Debian's python has its packages, another one on the PATH may not.  That of
# Debian 11 knows no draft after 7, in which our schema says the same.
sub schema_errors {
    my @statuses = @_;
    my ($code, $words) = judge(join("\n", map { tr/\n/ /r } @statuses),
        '/usr/bin/python3', '-c', <<'END',
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
kind = getattr(jsonschema, 'Draft202012Validator', jsonschema.Draft7Validator)
kind.check_schema(schema)
for line in sys.stdin:
    print('; '.join(str(list(error.absolute_path)) + ' ' + error.message
                    for error in kind(schema).iter_errors(json.loads(line))))
END
        checkout_dir() . '/mod_wheel/doc/wheel-status.schema.json');
    die "the validator failed: $words\n" if $code;
    my @errors = split /\n/, $words, -1;
    return wantarray ? @errors[0 .. $#statuses] : $errors[0];
}

# Name and labels, as they stand there, to value.
sub samples {
    my ($text) = @_;
    return map { /\A(.+) (\S+)\z/ or die "not a sample: $_\n"; ($1 => $2) }
        grep { !/\A#/ } split /\n/, $text;
}

sub scrape {
    my ($server) = @_;
    return { samples($server->get('/wheel-status?openmetrics')->body) };
}

1;
