# SPDX-License-Identifier: Apache-2.0
# Whatever state wheels are in, ?json is what wheel-status.schema.json says, by
# the word of a validator that others have written.
#
# Under one MPM: it has no part in how the status is written.

use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use WheelMetrics qw(schema_errors);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await freeze wait_until);

plan tests => 9 + 13, need_module 'wheel';

# Judged in the end, all at once.
my @seen;

sub fits {
    my ($text, $what) = @_;
    push @seen, [$text, $what];
    return;
}

my $server = WheelServer->started(processes => 3, threads => 8,
    config => "WheelMax 5\n");
my $text;

# Where all its threads are busy for a moment, event also closes connections
# whose request it has not read.
sub status_now {
    wait_until {
        my $answer = $server->get('/wheel-status?json');
        $text = $answer->body if $answer->status;
    };
    return JSON::PP::decode_json($text);
}

status_now();
fits($text, 'the status of a new server fits the schema');

my @wheels = map { $server->begin(GET => $_) }
    '/rotate', '/rotate/red', '/rotate?wait=600', '/rotate/A.b_c-9?wait=1';
# The last may have ended before all four have been seen.
wait_until {
    my $status = $server->status;
    $status->{jobs}{rotating} == 4 || $status->{totals}{ended}{deadline};
};
status_now();
fits($text, 'so does that of wheels with and without name and deadline');
await($wheels[3]);
wait_until { $server->running == 3 };

# A process that the kernel has stopped can't answer for its wheels.
my ($frozen) = map { $_->{pid} } $server->rotating;
freeze($frozen);
my $stop = $server->get('/stop');
is $stop->status, 200, 'a stop is answered while a process hangs';
my $seen;
ok wait_until {
    $seen = status_now();
    !grep { $_->{pid} != $frozen || $_->{state} ne 'stopping' }
        @{ $seen->{running} };
}, 'the wheels of that process are stopping'
    or diag explain $frozen, $seen->{running};
cmp_ok $seen->{jobs}{stopping}, '>=', 1, 'and counted as such';
fits($text, 'which fits the schema');
kill CONT => $frozen;
await(@wheels);
$server->end_wheels;

my ($gone) = $server->rotate(1, '/rotate/gone');
close $gone->socket;
wait_until { !$server->running };
my @full = $server->rotate(5);
is $server->get('/rotate')->status, 503, 'a sixth wheel is refused';
my ($killed) = map { $_->{pid} } $server->rotating;
$server->kill_child($killed);
wait_until { status_now()->{totals}{ended}{died} };
$server->end_wheels;
status_now();
fits($text, 'wheels that were stopped, timed out, left and killed fit, too');
my $answer = JSON::PP::decode_json($text);
is join(' ', grep { $answer->{totals}{ended}{$_} }
    sort keys %{ $answer->{totals}{ended} }),
    'deadline died gone stop', 'as there were';

# The validator and the schema do find fault.
my @faults = (
    ['another version',       sub { $_[0]{version} = 2 }],
    ['no version',            sub { delete $_[0]{version} }],
    ['a member too many',     sub { $_[0]{more} = 1 }],
    ['a time as text',        sub { $_[0]{time} = 'now' }],
    ['a count below zero',    sub { $_[0]{totals}{started} = -1 }],
    ['half a turn',           sub { $_[0]{totals}{turns} = 0.5 }],
    ['an unknown end',        sub { $_[0]{recent}[0]{stopped_by} = 'magic' }],
    ['an ended job with a state',
        sub { $_[0]{recent}[0]{state} = 'rotating' }],
    ['a job without id',      sub { delete $_[0]{recent}[0]{id} }],
    ['a job with a bad name', sub { $_[0]{recent}[0]{name} = '<b>' }],
    ['an empty name',         sub { $_[0]{recent}[0]{name} = '' }],
    ['a reason missing',      sub { delete $_[0]{totals}{ended}{gone} }],
    ['a refusal missing',     sub { delete $_[0]{totals}{refused}{max} }],
);
my @spoilt = map {
    my $spoilt = JSON::PP::decode_json($text);
    $_->[1]->($spoilt);
    JSON::PP::encode_json($spoilt);
} @faults;
my @errors = schema_errors((map { $_->[0] } @seen), @spoilt);
is shift @errors, '', $_->[1] for @seen;
isnt shift @errors, '', "$_->[0] doesn't fit" for @faults;
