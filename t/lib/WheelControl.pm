# SPDX-License-Identifier: Apache-2.0
# wheelctl, and what else may come to the socket that it uses.
package WheelControl;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use File::Basename qw(dirname);
use IO::Poll qw(POLLIN);
use IO::Socket::UNIX ();
use JSON::PP ();
use POSIX ();

use Time::HiRes qw(time);

use WheelHttpd qw(module_file slurp);
use WheelKeeper qw(kept_dir);
use WheelTest ();

our @EXPORT_OK = qw(control_config control_socket wheelctl wheelctl_as
    wheelctl_json plain_connect say_and_hear hear);

# The directive, for a socket in a server's own directory.
sub control_config { return join(' ', 'WheelControl', 'wheel.sock', @_) . "\n" }

sub control_socket { return $_[0]->dir . '/run/wheel.sock' }

# Beside the module: one that a sanitizer watches, if that is so.
sub program { return dirname(module_file()) . '/wheelctl' }

# Where it writes to.  Made before a test has connections, which the keeper of
# the directory would have, too.
my $said_in = kept_dir();

# Run it for a server.  Returns its exit code, output and complaints.
sub wheelctl {
    my ($server, @arguments) = @_;
    return wheelctl_as(undef, $server, @arguments);
}

# The same, as another user: [uid, gid, other groups...].
sub wheelctl_as {
    my ($user, $server, @arguments) = @_;
    my @socket = ref $server ? ('--socket', control_socket($server)) : ();
    my @file = ("$said_in/out", "$said_in/err");
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $file[0] or POSIX::_exit(126);
        open STDERR, '>', $file[1] or POSIX::_exit(126);
        become(@$user) if $user;
        exec { program() } 'wheelctl', @socket, @arguments
            or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $code = $? & 127 ? "signal $?" : $? >> 8;
    my @said = map { slurp($_) } @file;
    return ($code, @said);
}

sub become {
    my ($uid, @gids) = @_;
    $) = join ' ', @gids[0, 0 .. $#gids];
    $( = $gids[0];
    POSIX::setuid($uid) or POSIX::_exit(126);
    return;
}

# What it prints with --json, and its exit code.
sub wheelctl_json {
    my ($server, @arguments) = @_;
    my ($code, $out, $err) = wheelctl($server, @arguments, '--json');
    return ($code, eval { JSON::PP::decode_json($out) } // {});
}

# A client of another kind.
sub plain_connect {
    my ($server) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => control_socket($server))
        or die control_socket($server) . ": $!\n";
    $socket->blocking(0);
    return $socket;
}

# Send bytes; returns what comes until the end.
sub say_and_hear {
    my ($server, $bytes) = @_;
    my $socket = plain_connect($server);
    local $SIG{PIPE} = 'IGNORE';
    syswrite $socket, $bytes;
    return hear($socket);
}

# What comes until the end; undef if that doesn't come.
sub hear {
    my ($socket) = @_;
    my ($end, $heard) = (time + WheelTest::LIMIT_SEC, '');
    my $poll = IO::Poll->new;
    $poll->mask($socket => POLLIN);
    while (time < $end) {
        next if $poll->poll($end - time) < 1;
        my $bytes = sysread $socket, $heard, 65536, length $heard;
        return $heard unless $bytes;
    }
    return;
}

1;
