# SPDX-License-Identifier: Apache-2.0
# When the server ends at once, an answer over TLS comes all the same, and one
# that streams comes to its end, whatever the MPM does to their connections.  A
# process that is short of descriptors keeps them for connections.

use strict;
use warnings FATAL => 'all';

use List::Util qw(min);
use WheelClient qw(tls_config);
use WheelFaults qw(complaints ended_in_time turn);
use WheelHttpd qw(free_port user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(collect wait_until);

plan tests => 8, need 'wheel', need_module 'IO::Socket::SSL';

my $port   = free_port();
my $server = WheelServer->new(processes => 2, threads => 8);
$server->configure(config => user_modules('gaps')
        . tls_config($server->dir, $port)
        . "<Location /gaps>\n    SetHandler gaps\n</Location>\n");
$server->start or die $server->error_log;

my $client = WheelClient->new($port, tls => 1);
my $secret = $client->ask(GET => '/rotate');
my $stream = $server->begin(GET => '/gaps');
ok wait_until {
    collect(0, $stream);
    $stream->{bytes} =~ /after 113\n/ && $server->rotating == 2;
}, 'a wheel turns behind TLS, and an answer streams';
ended_in_time($server, 'TERM', 'TLS and a stream', 0, $secret, $stream);
is $secret->status, 200, 'the client of TLS has its answer';
like $secret->body // '', qr/\A"Your lucky number is \d!"\z/, 'and its number';
like $stream->body // '', qr/^# \d+ gaps up to \d+: shutdown\n\z/m,
    'the stream tells at its end why';
is_deeply [complaints($server)], [], 'the log has no complaint';

# Threaded processes hold a second descriptor of each client, unless more than
# half of all are taken.
SKIP: {
    skip 'a process of prefork has one client', 2 if $server->mpm eq 'prefork';
    my $plenty = WheelServer->started(processes => 1, threads => 8);
    my $free   = lowest_free($plenty);
    is copies($plenty, 3), 3, 'a process holds a copy of each connection';
    my $scarce = WheelServer->started(
        processes => 1, threads => 8,
        within    => ['prlimit', '--nofile=' . 2 * $free]
    );
    is copies($scarce, 1), 0, 'none if it is short of descriptors';
}

# The number of the next descriptor of the only child, if it has no client: one
# that asked just now may still have one.
sub lowest_free {
    my ($one) = @_;
    my ($pid) = $one->children;
    my @free;
    wait_until {
        my $free = 0;
        $free++ while defined readlink "/proc/$pid/fd/$free";
        push @free, $free;
        @free == 10;
    };
    return min @free;
}

# Connections of which it has copies while so many wheels turn.  A copy is made
# just after its wheel has begun.
sub copies {
    my ($one, $wheels) = @_;
    my ($pid) = $one->children;
    my @wheels = turn($one, $wheels);
    wait_until {
        $wheels == grep { $_->{elapsed} > 0.5 } $one->rotating;
    };
    my %socket;
    $socket{ readlink($_) // '' }++ for glob "/proc/$pid/fd/*";
    return scalar grep { /^socket:/ && $socket{$_} > 1 } keys %socket;
}
