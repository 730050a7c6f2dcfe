# SPDX-License-Identifier: Apache-2.0
# A graceful restart with another build of the module, whose table has another
# layout: the server goes on with a new table, and the old wheels still end.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(answers_by restarted room_for turn);
use WheelHttpd qw(checkout_dir slurp spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 14, need_module 'wheel';

# The build for tests of faults has one member more in the segment.
my $other = checkout_dir() . '/mod_wheel/.libs-faults/mod_wheel.so';

# A mutex that is a file: the new one must not take the old one's.
my $server = WheelServer->started(room_for(4), config => <<'END');
Mutex file:run wheel
END
my ($left, @old) = turn($server, 3);
my $timed = $server->begin(GET => '/rotate?wait=20');
ok wait_until { $server->rotating == 4 }, 'four wheels turn';
replace($server, $other);
ok restarted($server, 'USR1'), 'the server restarts with another build';
my ($warning, @more) = $server->error_log =~ /.*WH0003: .*/g;
like $warning, qr/new processes use a new, empty table/,
    'the log says that there is a new table';
like $warning, qr/wheels in old processes go on/,
    'and what becomes of the old wheels';
is scalar @more, 0, 'once';
is_deeply [$server->running], [], 'the new table is empty';
my ($new) = turn($server, 1);
is $server->post('/stop')->status, 200, 'a new wheel is stopped';
collect(5, $new);
is $new->status, 200, 'and answers';

# An old wheel ends with its client; all others by the end of the server.
is collect(0, $left, @old), 0, 'old wheels go on';
$left->hang_up;
ok $server->stop(10), 'the server ends by TERM';
is_deeply answers_by(5, @old, $timed), { shutdown => 3 },
    'with an answer to every old wheel';

my $listed = listed(sub { });
isnt listed(sub { s/\bloads?\b;/burden;/ }), $listed,
    'a member with another name is another layout';
isnt listed(sub { s/(unsigned load;)(\s*)(char name)/$3_first[1];$2$1$2$3/ }),
    $listed, 'and so is one that moves';
isnt listed(sub { s/\bint generation;/unsigned generation;/ }), $listed,
    'and one of another type';

sub replace {
    my ($of, $module) = @_;
    local $ENV{WHEEL_MODULE} = $module;
    $of->configure(port => $of->port);
    return;
}

# What goes into the hash, besides offsets and sizes, if the private header is
# edited so.
sub listed {
    my ($edit) = @_;
    my $core = checkout_dir() . '/mod_wheel/core';
    local $_ = slurp("$core/table_private.h");
    $edit->();
    my $header = spew($server->dir . '/table_private.h', $_);
    return scalar qx($^X $core/list-members wheel_table_t,table_slot_t \\
        $header $core/table.h $core/../mod_wheel.h);
}
