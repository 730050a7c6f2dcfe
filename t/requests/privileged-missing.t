# SPDX-License-Identifier: Apache-2.0
# Steps of WheelPrivileged that this machine doesn't allow, as in a container, are
# in the log once, and in each form of the status with the reason; those that it
# allows work.  A privileged process that can't do its work is lost for all
# processes, and the server goes on.
#
# Under one MPM: it has no part in this.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelHttpd qw(user_modules);
use WheelMetrics qw(schema_errors scrape);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use POSIX ();

# What a filter of system calls answers: EPERM, EMFILE, or the end of the
# process.
use constant { REFUSE => 0x00050001, FULL => 0x00050018, KILL => 0x80000000 };

# The number of capset(), which stands in seccomp's filter.
my %capset = (x86_64 => 126, aarch64 => 91);
my $machine = (POSIX::uname())[4];
plan tests => 32, need_module 'wheel',
    { 'root alone has capabilities' => sub { $> == 0 },
      'setpriv is there' => sub { system('setpriv --version >/dev/null 2>&1') == 0 },
      'the number of capset() is known' => sub { $capset{$machine} } };

my $config = user_modules('test_loop') . control_config() . <<'END';
WheelRequests on slow=50ms
WheelPrivileged cut cooldown where
<Location "/loop">
    SetHandler test-loop
    WheelOnStop refuse interrupt cut cooldown
</Location>
END

# One capability alone.
my $server = WheelServer->started(
    processes => 1, threads => 6, config => $config,
    within    => ['setpriv', '--bounding-set=-sys_nice']);
my $why = 'this server has no CAP_SYS_NICE';
is_deeply $server->status->{server}{privileged}, [
    { step => 'cut',      missing => undef },
    { step => 'cooldown', missing => $why },
    { step => 'where',    missing => undef },
], 'the status has the steps, and which is missing';
is schema_errors($server->get('/wheel-status?json')->body), '',
    'as its schema says';
like $server->get('/wheel-status?auto')->body,
    qr/^WheelPrivileged: step=cut missing=\nWheelPrivileged: step=cooldown missing=\Q$why\E$/m,
    'so has the text';
like $server->get('/wheel-status')->body,
    qr{cooldown</th><td>missing: \Q$why\E</td>}, 'and the page';
like $server->get('/server-status')->body,
    qr{cooldown</th><td>missing: \Q$why\E</td>}, "and mod_status's";
my $metrics = scrape($server);
is join(' ', map { $metrics->{"wheel_privileged{step=\"$_\"}"} }
    qw(cut cooldown where)), '1 0 1', 'and the metrics';
is scalar(() = $server->error_log =~ /WH0120: /g), 1, 'the log has it once';
ok $server->logs(qr/WH0120: WheelPrivileged cooldown: .*\Q$why\E/),
    'and which';

my $loop = $server->begin(GET => '/loop?sleep');
my $row  = listed($server, '/loop');
is join(' ', map { $_->{step} } @{ $row->{steps} }), 'refuse interrupt cut',
    'a stop would not take it';
my ($code, undef, $err) = wheelctl($server, 'cool', "--id=$row->{id}");
is $code, 3, 'nobody cools down';
like $err, qr/WheelPrivileged cooldown is set, but \Q$why\E/, 'and is told why';
my $answer = $server->post("/stop?id=$row->{id}&step=cooldown");
is $answer->status, 503, 'over HTTP likewise';
like $answer->json->{detail}, qr/\Q$why\E/, 'with the reason';
my ($found) = WheelControl::say_and_hear($server, "where id=$row->{id}\n");
like $found, qr/\A200\n.*"waits_for"/, 'what the other capability allows works';

# None of it: the process can't give up its rights, and is lost.
$server->stop(0); # its child sleeps
my $lost = WheelServer->started(
    processes => 1, threads => 6, config => $config,
    within    => within_filter($capset{$machine}, REFUSE));
ok $lost->logs(qr/WH0121: /),
    'a privileged process that can not give up its rights ends';
$why = 'the system has refused the privileged process a call that it needs';
my $status = $lost->status;
is_deeply $status->{server}{privileged},
    [map { { step => $_, missing => $why } } qw(cut cooldown where)],
    'its children know that all steps are missing, and why';
$server = $lost;
$loop = $server->begin(GET => '/loop?sleep');
$row  = listed($server, '/loop');
($code, undef, $err) = wheelctl($server, 'cool', "--id=$row->{id}");
is $code, 3, 'so does the helper';
like $err, qr/is set, but \Q$why\E/, 'and says so';
is $server->get("/stop?id=$row->{id}")->status, 200, 'a stop';
ok listed($server, '/loop', sub { ($_[0]{step} // '') eq 'force' }),
    'goes as far as it can';
ok $server->logs(qr/WH0105: request $row->{id} .*interrupt/),
    'which the log has';
unlike $server->error_log, qr/WH0105: request $row->{id} .*(?:cut|cooldown)/,
    'and no step that is missing';
is scalar(() = $server->error_log =~ /WH0121: /g), 1,
    'the process is not started again and again';
is $server->get('/')->body, "hello\n", 'the server serves';
$lost->stop(0);

# Filters that kill, as systemd's SystemCallFilter= does.
for (['pidfd_getfd()', 438, 'WH0120', 'where'],
    ['capset()', $capset{$machine}, 'WH0121', 'cooldown'])
{
    my ($call, $number, $id, $step) = @{$_};
    my $killed = WheelServer->new(
        processes => 1, threads => 6, config => $config,
        within    => within_filter($number, KILL));
    ok $killed->start, "where $call kills, the server starts"
        or next;
    ok $killed->logs(qr/$id: /), 'the log says what is missing';
    my ($missing) = grep { $_->{step} eq $step }
        @{ $killed->status->{server}{privileged} };
    ok defined $missing->{missing}, "and the status that $step is";
}

# A lack of descriptors is not taken for one of rights.
my $full = WheelServer->started(
    processes => 1, threads => 6, config => $config,
    within    => within_filter(438, FULL));
$why = 'pidfd_getfd() fails: Too many open files: raise the limit of open files';
is_deeply $full->status->{server}{privileged}, [
    { step => 'cut',      missing => $why },
    { step => 'cooldown', missing => undef },
    { step => 'where',    missing => $why },
], 'a call that fails is named, with the reason and what to do';
ok $full->logs(qr/WH0120: WheelPrivileged cut: .*\Q$why\E/), 'in the log, too';

# Run a command with a filter of system calls that answers one by an action.
sub within_filter {
    my ($number, $action) = @_;
    my $filter = join ' ', map { "0x$_" } map { unpack 'H*', $_ }
        pack('SCCL', 0x20, 0, 0, 0),          # load the number
        pack('SCCL', 0x15, 0, 1, $number),    # is it this one?
        pack('SCCL', 0x06, 0, 0, $action),
        pack('SCCL', 0x06, 0, 0, 0x7fff0000); # else allow
    return [$^X, '-e', <<'END', $filter];
my $program = join '', map { pack 'H*', s/^0x//r } split ' ', shift;
my $header = pack 'S x![P] P', length($program) / 8, $program;
syscall(157 * ($^O eq 'linux'), 22, 2, $header, 0, 0) == 0
    or die "no filter: $!\n";
exec @ARGV or die "$!\n";
END
}
