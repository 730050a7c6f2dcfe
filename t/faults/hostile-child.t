# SPDX-License-Identifier: Apache-2.0
# A child that lies in the shared slots about pids, threads and ids makes neither
# the server nor wheelctl touch a process that is not the server's own, and the
# steps of other requests go on.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET ();
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use WheelControl qw(control_config wheelctl);
use WheelHttpd qw(run_user spew user_modules);
use WheelPlan;
use WheelRequests qw(listed load_modules);
use WheelServer ();
use WheelTest qw(await child_pids collect helper_pids thread_policy
    wait_until);

# Whom the lies name, a thread of another process, and a process that is gone.
my @lies = qw(init parent privileged helper logger guest root user server mixed
    gone);
plan tests => 4 * @lies + 13, need_module 'wheel',
    { 'root alone may trace a child' => sub { $> == 0 } };

my $server = WheelServer->new(processes => 2, threads => 8, config => '');
my $other  = WheelServer->new(processes => 1, threads => 4, config => '');
my $dir    = $server->dir;
chmod 0777, $dir;
my %stranger = (root => stranger(0), user => stranger(scalar getpwnam run_user()));
my $silent   = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
    or die "$!\n";
my $waits = <<"END" . load_modules('env') . user_modules('test_wait');
WheelRequests on slow=50ms
SetEnv wait recv=@{[$silent->sockport]}
<Location "/wait">
    SetHandler test-wait
</Location>
END
spew("$dir/logger", logger());
chmod 0755, "$dir/logger";
$other->configure(config => $waits);
$server->configure(config => <<"END" . $waits . control_config());
@{[user_modules('test_hostile')]}
WheelPrivileged cut cooldown where
WheelOnStop refuse interrupt=0 cut=0
CustomLog "|$dir/logger logger 0" "%h"
CustomLog "|$dir/logger guest 4711" "%h"
<Location "/hostile">
    SetHandler test-hostile
</Location>
END
$_->start or die $_->error_log for $server, $other;

# One waits in each server.
my $ours   = $server->begin(GET => '/wait');
my $theirs = $other->begin(GET => '/wait');
my ($mine, $row) = map { listed($_, '/wait') } $server, $other;
ok $mine && $row, 'a request waits in each of two servers';
my ($logger, $guest) = map {
    my $file = "$dir/$_.pid";
    wait_until { -s $file && WheelHttpd::slurp($file) + 0 };
} qw(logger guest);
my ($privileged) = WheelTest::privileged_pids($server->pid);
my ($helper)     = helper_pids($server->pid);
my $gone = fork // die "$!\n";
POSIX::_exit(0) unless $gone;
waitpid $gone, 0;
my %named = (
    init   => [1, 1],
    parent => [$server->pid, $server->pid],
    privileged => [$privileged, $privileged],
    helper => [$helper, $helper],
    logger => [$logger, $logger],
    guest  => [$guest, $guest],
    root   => [$stranger{root}{pid}, $stranger{root}{pid}],
    user   => [$stranger{user}{pid}, $stranger{user}{pid}],
    server => [$row->{pid}, $row->{thread}],
    mixed  => [$mine->{pid}, $logger],
    gone   => [$gone, $gone],
);
my %id     = map { $lies[$_] => 101 + $_ } 0 .. $#lies;
my %policy = map { $_ => policy(@{ $named{$_} }) } @lies;

# Each lie as a stopped request and as one that wheelctl is to stop.
my @words = (
    (map { join ':', @{ $named{$_} }, $id{$_}, 1, 0 + ($_ ne "mixed") } @lies),
    (map { join ':', @{ $named{$_} }, 100 + $id{$_}, 0, 0 } @lies)
);
# A child that runs a request of its own writes over a lie in its slot: it is
# told again.
my ($said, @hostile) = (0);
ok wait_until {
    if (@hostile < 6 && time > $said + 4) {
        push @hostile,
            $server->begin(GET => '/hostile?' . join ',', @words);
        $said = time;
    }
    my $log = $server->error_log;
    3 <= grep { $log =~ /WH0105: request $id{$_} / } @lies;
}, 'the server takes them for requests, and tries the steps of their stops'
    or diag(collect(0, @hostile), ' lies are over', $server->error_log);
for my $name (@lies) {
    my ($code, $out, $err)
        = wheelctl($server, qw(stop --cut), "--id=@{[100 + $id{$name}]}");
    like $err, qr/not a process of this|is gone$|has ended$|no wheel rotates/,
        'wheelctl stop --cut touches nobody';
    ($code, $out, $err) = wheelctl($server, 'where', "--id=$id{$name}");
    isnt $code, 0, 'wheelctl where tells nothing';
    ($code, $out, $err) = wheelctl($server, 'cool', "--id=$id{$name}");
    unlike $out, qr/cooled/, 'wheelctl cool does nothing';
}

# The honest one.
is $server->get("/stop?id=$mine->{id}")->status, 200, 'beside, a stop';
is await($ours), 1, 'frees a request by a cut' or diag $server->error_log;
is $ours->status, 503, 'which is told';

# Nobody else has noticed.
is policy(@{ $named{$_} }), $policy{$_}, "$_: its scheduling class is as it was"
    for @lies;
ok !collect(0, $theirs), 'the other server waits on';
ok !readable($stranger{$_}{socket}), "so does the process of $_"
    for qw(root user);
ok !-e "$dir/$_.cut", "and the log program $_" for qw(logger guest);
is_deeply [WheelTest::privileged_pids($server->pid)], [$privileged],
    'the privileged process is the same';
ok wait_until { (wheelctl($server, 'list', "--id=$id{init}"))[0] == 1 },
    'the slot of a process that is none of its children is free again';
spew("$dir/htdocs/end", '');
is +(grep { ($server->get('/')->body // '') eq "hello\n" } 1 .. 20), 20,
    'and all serve';

sub policy { return thread_policy(@_) // 'none' }

sub readable {
    my ($socket) = @_;
    my $set = '';
    vec($set, fileno $socket, 1) = 1;
    return select $set, undef, undef, 0;
}

# A process of a user, blocked on a socket of its own, which it alone has, until
# the test ends.
sub stranger {
    my ($uid) = @_;
    socketpair my $near, my $far, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "$!\n";
    my $pid = fork // die "$!\n";
    if ($pid == 0) {
        POSIX::close($_) for grep { $_ != fileno $far } 3 .. 1023;
        POSIX::setuid($uid);
        sysread $far, my $byte, 1;
        POSIX::_exit(0);
    }
    return { pid => $pid, socket => $near };
}

# A log program of a user that reads nothing, but is blocked on a socket of its
# own.
sub logger {
    return <<"END";
#!$^X
use POSIX ();
use Socket;
socketpair my \$near, my \$far, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die;
open my \$out, '>', "$dir/\$ARGV[0].new";
print {\$out} \$\$;
close \$out;
rename "$dir/\$ARGV[0].new", "$dir/\$ARGV[0].pid";
POSIX::setuid(\$ARGV[1]);
sysread \$near, my \$byte, 1;
mkdir "$dir/\$ARGV[0].cut";
sleep 300;
END
}
