# SPDX-License-Identifier: Apache-2.0
# A connection that is kept alive stays with its process.  However many rotates
# come over such connections, the others of the same process are answered.
#
# With as many connections as these, event may accept no new one for a while, so
# whatever the test itself asks goes through wheelctl.

use strict;
use warnings FATAL => 'all';

use List::Util qw(max shuffle);
use WheelClient ();
use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

use constant ROUNDS => 5;

# Under event a thread serves many kept connections, else one each.
my $mpm  = WheelServer::mpm();
my %size = (prefork => [44, 1], worker => [2, 22], event => [2, 4]);
my ($processes, $threads) = @{ $size{$mpm} };
plan tests => 5 * ROUNDS + 1, need_module 'wheel';

my $server = WheelServer->started(
    processes => $processes, threads => $threads,
    config    => control_config()
        . "KeepAliveTimeout 600\nMaxKeepAliveRequests 0\n"
);
my $slowest = 0;
my $most    = 0;
for my $round (1 .. ROUNDS) {
    my @clients = greeted();
    is @clients, 20, 'twenty clients are answered and stay';
    my @mixed   = shuffle @clients;
    my @rotates = map { $_->ask(GET => '/rotate') } @mixed[0 .. 11];
    my $turning = wait_until {
        my $turns = grep { $_->{state} eq 'rotating' } running();
        collect(0, @rotates) + $turns == 12 && "$turns turn";
    };
    $most = max $most, $turning =~ /\A(\d+) turn/;
    # One whose process was full would wait for the stop.
    my @asked = map { $_->ask(GET => '/stop/nobody') } @mixed[12 .. 19];
    is await(@asked), 8, 'with twelve of them rotating, the rest are, too';
    $slowest = max $slowest, map { $_->done ? $_->seconds : 99 } @asked;
    wheelctl($server, qw(stop --all));
    is await(@rotates), 12, 'all twelve are answered in the end';
    is grep({ ($_->{status} // 0) =~ /\A(?:200|503)\z/ || closed($_) } @rotates),
        12, 'with a number or a refusal';
    $_->vanish('close') for @clients;
    ok wait_until { !running() }, 'and no wheel is left';
}
note sprintf 'up to %d turned; the slowest answer beside them took %.3f s',
    $most, $slowest;
cmp_ok $most, '>', 1, 'several wheels turned at once';

# Who is told to close the connection comes again.
sub greeted {
    my @clients;
    wait_until {
        push @clients, map { WheelClient->new($server->port) } @clients + 1 .. 20;
        my %greeting = map { $_ => $_->ask(GET => '/stop/nobody') } @clients;
        await(values %greeting);
        @clients = grep { $greeting{$_}{status} && !$greeting{$_}{closing} }
            @clients;
        @clients == 20;
    };
    return @clients;
}

sub running {
    my (undef, $list) = wheelctl_json($server, 'list');
    return @{ $list->{running} // die "wheelctl lists nothing\n" };
}

# Where all its threads are busy for a moment, event closes what is kept alive.
sub closed {
    my ($answer) = @_;
    return $mpm eq 'event' && !$answer->status && $answer->done;
}
