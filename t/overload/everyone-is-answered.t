# SPDX-License-Identifier: Apache-2.0
# Far more rotates at once than there are workers, on a server that has yet to
# fork most of them: each gets a number or a refusal, and meanwhile every other
# request is answered as ever.

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);
use WheelClient qw(flood);
use WheelPlan;
use WheelProbe ();
use WheelServer ();
use WheelTest qw(await collect wait_until);

use constant ROTATES => 700;

plan tests => 15, need_module 'wheel';

# Few workers at the start, and forty in the end.
my %first = (prefork => [2, 1], worker => [1, 10], event => [1, 10]);
my ($processes, $threads) = @{ $first{ WheelServer::mpm() } };
my $server = WheelServer->started(
    processes => $processes, threads => $threads,
    config    => $threads == 1 ? <<'PREFORK' : <<'THREADS');
ServerLimit 50
MaxRequestWorkers 40
MinSpareServers 4
MaxSpareServers 40
PREFORK
ServerLimit 5
MaxRequestWorkers 40
MinSpareThreads 10
MaxSpareThreads 40
THREADS
my @probed = qw(/stop/nobody /server-status?auto /wheel-status?json);
my $probe  = WheelProbe->start($server->port, @probed);

# All at once first; a client that doesn't read, nor hang up, would hold a worker
# of its own.
my $began   = time;
my @rotates = flood($server->port, ROTATES, GET => '/rotate');
my ($done, $rotating);
wait_until {
    $done     = collect(0.5, @rotates);
    $rotating = $server->rotating;
    $done + $rotating == ROTATES;
};
note sprintf '%.3f s after %d rotates, %d turn and %d are answered',
    time - $began, ROTATES, $rotating, $done;
is $done + $rotating, ROTATES, 'each turns a wheel or is answered';

# Then those that have been refused come again, while the MPM forks.
ok wait_until {
    push @rotates, flood($server->port, 40, GET => '/rotate');
    collect(0.3, @rotates);
    $rotating = $server->rotating;
    $rotating >= 40 - ($threads > 1 ? 4 : 1);
}, 'in the end there are as many wheels as the server has room for';
note sprintf 'after %.3f s and %d rotates, %d turn', time - $began,
    scalar @rotates, $rotating;
cmp_ok $rotating, '<=', 39, 'which leaves one worker at least';

my $stop = $server->get('/stop');
is $stop->status, 200, 'a stop is answered';
is $stop->header('Wheel-Stopped'), $rotating, 'it stops all that turn';
is await(@rotates), @rotates, 'then all rotates are answered';
ok wait_until { !$server->running }, 'nothing turns any more';

my @numbers
    = grep { ($_->body // '') =~ /\A"Your lucky number is \d!"\z/ } @rotates;
my @refused = grep { ($_->status // 0) == 503 } @rotates;
note sprintf '%d numbers, %d refusals', scalar @numbers, scalar @refused;
is @numbers, $rotating, 'those that turned have a number';
is @refused, @rotates - $rotating, 'the others are answered 503';
is grep({ ($_->header('Retry-After') // '') =~ /\A\d+\z/ } @refused), @refused,
    'with Retry-After';
is grep({ ($_->header('Connection') // '') eq 'close' } @refused), @refused,
    'and their connections are not kept, which could hold a worker each';
is grep({ $_->{reset} } @rotates), 0, 'no connection has been reset';

my $seen = $probe->finish;
for my $target (@probed) {
    my %of = %{ $seen->{$target} };
    note sprintf '%s: asked %d times, slowest %.3f s', $target,
        @of{qw(asked slowest)};
    is $of{status}{none}, undef, "$target was always answered";
}
note sprintf '/stop: %.3f s', $stop->seconds;
