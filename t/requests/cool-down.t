# SPDX-License-Identifier: Apache-2.0
# A request that has used more CPU time than it may, or of which somebody says
# so, gets the CPU that nobody else wants, until it ends; its thread is back to
# normal before the next request.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl);
use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(await thread_policy wait_until);

plan tests => 13, need_module 'wheel',
    { 'root alone may change a class' => sub { $> == 0 } };

my $server = WheelServer->started(
    processes => 1, threads => 4,
    config    => user_modules('test_loop') . control_config() . <<'END');
WheelRequests on slow=50ms
WheelPrivileged cooldown
<Location "/limited">
    SetHandler test-loop
    WheelCpuLimit 100ms action=cooldown
</Location>
<Location "/unlimited">
    SetHandler test-loop
</Location>
END

my $answer = $server->begin(GET => '/limited?until');
my $row    = listed($server, '/limited', sub { ($_[0]{step} // '') eq 'cooldown' });
ok $row, 'a request that reaches its limit is cooled down';
ok wait_until { policy($row) eq 'idle' },
    'its thread takes what nobody else wants';
ok $server->logs(qr/WH0103: request $row->{id} .* is to be cooled down/),
    'the log has it';
is $row->{stopped_by}, undef, 'it is not stopped';
release();
await($answer);
is $answer->status, 200, 'and its client gets the answer';
is $answer->body, "done\n", 'the whole of it';
ok wait_until { policy($row) eq 'normal' }, 'then its thread is as before';

# By hand.
unlink "@{[$server->dir]}/htdocs/end" or die "$!\n";
$answer = $server->begin(GET => '/unlimited?until');
$row    = listed($server, '/unlimited');
my ($code, $out) = wheelctl($server, 'cool', "--id=$row->{id}");
is $code, 0, 'wheelctl cools one down';
is $out, "cooled down\n", 'and says so';
ok wait_until { policy($row) eq 'idle' }, 'as it is';

# The privileged process is killed meanwhile: another one takes over.
my ($killed) = WheelTest::privileged_pids($server->pid);
kill KILL => $killed;
ok wait_until {
    my ($new) = WheelTest::privileged_pids($server->pid);
    $new && $new != $killed;
}, 'a privileged process that is killed is replaced';
release();
await($answer);
is $answer->body, "done\n", 'the request goes on';
ok wait_until { policy($row) eq 'normal' }, 'and its thread is as before';

# Requests that loop until then end.
sub release { spew("@{[$server->dir]}/htdocs/end", '') }

sub policy {
    my ($row) = @_;
    return thread_policy($row->{pid}, $row->{thread});
}
