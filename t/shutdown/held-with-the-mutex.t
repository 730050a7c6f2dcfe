# SPDX-License-Identifier: Apache-2.0
# A child that is held by SIGSTOP while it has the mutex keeps no parent from
# restarting or from ending.
#
# Under one MPM: it has no part in what the parent does with the table.

use strict;
use warnings FATAL => 'all';

use WheelFaults qw(complaints die_at mortal_server room_for stores_left);
use WheelKeeper qw(proc_stat);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 4, need_module 'wheel';

my $server = mortal_server(room_for(4), env => { WHEEL_FAULT_HOLDS => 1 });
my ($wheel) = $server->rotate(1);
die_at($server, 1);
my $held = $server->begin(GET => '/rotate/held');
ok wait_until { grep { state_of($_) eq 'T' } $server->children },
    'a child is held in the middle of its claim';

my $ready = () = $server->error_log =~ /resuming normal operations/g;
$server->graceful;
ok wait_until {
    $ready < (() = $server->error_log =~ /resuming normal operations/g);
}, 'the server restarts all the same';

# Once httpd has seen that a child is held, it takes it for ended, and leaves it.
my @children = $server->children;
$server->signal('TERM');
my $ended = wait_until { !$server->up };
ok $ended, 'and ends by TERM';
kill KILL => grep { state_of($_) eq 'T' } @children;
is_deeply [grep { !/still did not exit/ } complaints($server)], [],
    'the log has no other complaint';

sub state_of {
    my ($pid) = @_;
    my ($state) = eval { (proc_stat($pid))[0] };
    return $state // '';
}
