# SPDX-License-Identifier: Apache-2.0
# A graceful restart with another build of the module, whose table has another
# layout: the server goes on with a new table, and the old wheels still end.
# What the old build has kept in the parent may have another size, too.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl);
use WheelFaults qw(answers_by restarted room_for turn);
use WheelHttpd qw(checkout_dir slurp spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect supervisor_pids wait_until);

plan tests => 25, need_module 'wheel';

# The build for tests of faults has one member more in the segment.
my $other = checkout_dir() . '/mod_wheel/.libs-faults/mod_wheel.so';

# A mutex that is a file: the new one must not take the old one's.
my $server = WheelServer->started(room_for(4), config => <<'END');
Mutex file:run wheel
WheelRequests on
END
my ($left, @old) = turn($server, 3);
my ($timed) = $server->rotate(1, '/rotate?wait=600');
is $server->rotating, 4, 'four wheels turn';
replace($server, $other);
ok restarted($server, 'USR1'), 'the server restarts with another build';
my ($warning, @more) = $server->error_log =~ /.*WH0003: .*/g;
like $warning, qr/new processes use a new, empty table/,
    'the log says that there is a new table';
like $warning, qr/wheels in old processes go on/,
    'and what becomes of the old wheels';
is scalar @more, 0, 'once';
my @requests = $server->error_log =~ /WH0107: .*/g;
is scalar @requests, 1, 'and once, that there are new slots of requests';
is_deeply [$server->running], [], 'the new table is empty';
my ($new) = turn($server, 1);
is $server->post('/stop')->status, 200, 'a new wheel is stopped';
await($new);
is $new->status, 200, 'and answers';

# An old wheel ends with its client; all others by the end of the server.
is collect(0, $left, @old), 0, 'old wheels go on';
$left->hang_up;
ok $server->stop, 'the server ends by TERM';
is_deeply answers_by(@old, $timed), { shutdown => 3 },
    'with an answer to every old wheel';

# Data of another size is not found.
$server = WheelServer->started(
    room_for(2),
    env    => { WHEEL_FAULT_SIZES => 1 },
    config => "Mutex file:run wheel\nWheelRequests on\n" . control_config()
);
my ($before) = turn($server, 1);
replace($server, $other);
ok restarted($server, 'USR1'), 'the server restarts with other sizes';
is join(' ', sort $server->error_log =~ /\b(WH\d+): /g), 'WH0003 WH0107',
    'the log says what has been replaced, and has no complaint';
ok wait_until { 1 == supervisor_pids($server->pid) }, 'the old helper ends';
my ($after) = turn($server, 1, 'after');
my ($code, $said) = wheelctl($server, 'list');
like $said, qr/^\d+ +after .*rotating/m, 'wheelctl lists a new wheel';
($code) = wheelctl($server, 'stop', '--name=after');
is $code, 0, 'and stops it';
is_deeply answers_by($after), { stop => 1 }, 'and it has its number';
ok $server->stop, 'the server ends by TERM';
is_deeply answers_by($before), { shutdown => 1 }, 'as does the old wheel';

my $listed = listed_table(sub { });
isnt listed_table(sub { s/\bloads?\b;/burden;/ }), $listed,
    'a member with another name is another layout';
isnt listed_table(
    sub { s/(unsigned load;)(\s*)(char name)/$3_first[1];$2$1$2$3/ }), $listed,
    'and so is one that moves';
isnt listed_table(sub { s/\bint generation;/unsigned generation;/ }), $listed,
    'and one of another type';
$listed = listed_slots(sub { });
isnt listed_slots(sub { s/apr_int32_t client_fd;/apr_int64_t client_fd;/ }),
    $listed, 'of requests, too';
isnt listed_slots(sub { s/(WHEEL_STEP_CUT),/$1_OFF, $1,/ }), $listed,
    'and so is one more value';

sub replace {
    my ($of, $module) = @_;
    local $ENV{WHEEL_MODULE} = $module;
    $of->configure(port => $of->port);
    return;
}

# What goes into the hashes, besides offsets and sizes, if a header is edited.
sub listed_table {
    my ($edit) = @_;
    return listed($edit, 'table_private.h', 'wheel_table_t,table_slot_t',
        qw(core/table.h mod_wheel.h));
}

sub listed_slots {
    my ($edit) = @_;
    return listed($edit, 'request_slots.h',
        'slots_slot_t,wheel_request_facts_t,wheel_step_e',
        'core/request_private.h');
}

sub listed {
    my ($edit, $header, $types, @others) = @_;
    my $dir = checkout_dir() . '/mod_wheel';
    local $_ = slurp("$dir/core/$header");
    $edit->();
    my $edited = spew($server->dir . "/$header", $_);
    my @headers = ($edited, map {"$dir/$_"} @others);
    return scalar qx($^X $dir/core/list-members $types @headers);
}
