# SPDX-License-Identifier: Apache-2.0
# wheelctl where, run by root, reads the files that a process has mapped with
# the rights of that process, and none but regular ones.

use strict;
use warnings FATAL => 'all';

use File::Copy qw(copy);
use POSIX qw(mkfifo);
use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelRequests qw(listed);
use WheelServer ();
use WheelTest qw(child_pids);

# The first wait of test-places in poll().
use constant POLL => 36;

plan tests => 9, need_module 'wheel',
    { 'root alone may trace a child' => sub { $> == 0 } };

# Root alone may read this module; its children have it from their parent.  Its
# name would clear a terminal.
my $server = WheelServer->started(config => '');
my ($module) = user_modules('test_places') =~ /"(.+)"/;
my $secret = $server->dir . "/places\e[2J.so";
copy($module, $secret) or die "$secret: $!\n";
chmod 0600, $secret or die "$secret: $!\n";
$server->stop;
$server->configure(config => qq(LoadModule test_places_module "$secret"\n)
    . control_config() . <<'END_OF_CONFIG');
WheelRequests on slow=20ms
<Location "/places">
    SetHandler test-places
</Location>
END_OF_CONFIG
$server->start or die $server->error_log;
my $answer = $server->begin(GET => '/places/wait?' . POLL);
my $id     = listed($server, '/places/wait')->{id};

my @stack = stack();
ok scalar(grep {/poll/} @stack), 'there is a stack';
is_deeply [grep {/planted_/} @stack], [],
    'without names of a file that root alone may read';
ok scalar(grep {/^\? \(places\?\[2J\.so\+0x/} @stack),
    'but with the name of the file, made printable';
my (undef, $out) = wheelctl($server, 'where', "--id=$id");
unlike $out, qr/[^\n -~]/, 'so it is printed';

# What others may read is named.
chmod 0644, $secret or die "$secret: $!\n";
ok scalar(grep {/planted_poll_a \(/} stack()),
    'a file that the process may read gives names';

# What replaces the file has the name that the kernel then shows.
unlink $secret or die "$secret: $!\n";
mkfifo("$secret (deleted)", 0666) or die "mkfifo: $!\n";
my ($code, undef, $err) = wheelctl($server, 'where', "--id=$id");
is $code, 0, 'a FIFO of that name keeps nobody';
is $err, '', 'and is no error';
ok scalar(grep {/^\? \(places\?\[2J\.so \(deleted\)\+0x/} stack()),
    'it is not read';
unlink "$secret (deleted)" or die "unlink: $!\n";

kill KILL => child_pids($server->pid);
undef $answer;
ok $server->stop, 'the server ends';

sub stack {
    my (undef, $where) = wheelctl_json($server, 'where', "--id=$id");
    return @{ $where->{stack} // [] };
}
