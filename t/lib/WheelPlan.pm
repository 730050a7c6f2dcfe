# SPDX-License-Identifier: Apache-2.0
# Test::More with a plan that says what a file needs.  Apache::Test has the same
# words for that, but takes a third of a second to load.
package WheelPlan;

use strict;
use warnings FATAL => 'all';

use Test::More ();

use WheelHttpd qw(libexec_dir);

our @EXPORT = qw(plan need need_module);

sub import {
    my ($class) = @_;
    my $caller = caller;
    Test::More->export_to_level(1, undef,
        grep { $_ ne 'plan' } @Test::More::EXPORT);
    no strict 'refs';
    *{"${caller}::$_"} = \&$_ for @EXPORT;
    return;
}

# plan tests => N, need ...: skips the whole file where something is missing.
sub plan {
    my ($key, $count, $missing) = @_;
    return Test::More::plan(skip_all => join ', ', @$missing)
        if $missing && @$missing;
    return Test::More::plan($key => $count);
}

# What is missing of these: modules of httpd (by name, such as 'http2') or of
# Perl (with colons), conditions ({ reason => sub, ... }), other needs.
sub need {
    return [map { ref eq 'ARRAY' ? @$_ : ref eq 'HASH' ? unmet($_)
        : missing($_) } @_];
}

sub need_module { return need(@_) }

sub unmet {
    my ($conditions) = @_;
    return grep {
        my $holds = $conditions->{$_};
        !(ref $holds eq 'CODE' ? $holds->() : $holds);
    } sort keys %$conditions;
}

sub missing {
    my ($name) = @_;
    return if $name eq 'wheel';
    my $found = $name =~ /::/ ? eval "require $name; 1"
        : -e libexec_dir() . "/mod_$name.so";
    return $found ? () : "there is no module $name";
}

1;
