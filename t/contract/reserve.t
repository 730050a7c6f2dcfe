# SPDX-License-Identifier: Apache-2.0
# Wheels leave as many workers idle as WheelReserve says, so that /stop and
# everything else is always answered.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl wheelctl_json);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

use constant WORKERS => 6;

my @reserves = (['', 1], ["WheelReserve 1\n", 1], ["WheelReserve 3\n", 3]);
plan tests => 7 * @reserves + 2, need_module 'wheel';

for my $row (@reserves) {
    my ($config, $reserve) = @$row;
    my $said   = $config ? $config =~ s/\n//r : 'by default';
    my $fit    = WORKERS - $reserve;
    my $server = server($config);
    my @wheels = fill($server, $fit);
    is @wheels, $fit, "$said, $fit of @{[WORKERS]} workers may turn wheels";
    my $refused = $server->get('/rotate');
    is $refused->status, 503, "$said: one more is refused";
    like $refused->header('Retry-After'), qr/\A[1-9]\d*\z/,
        "$said: it may come again";
    is $server->get('/index.html')->body, "hello\n",
        "$said: any other request is answered";
    is $server->get('/stop')->header('Wheel-Stopped'), $fit,
        "$said: so is a stop, which ends all $fit";
    is await(@wheels), $fit, "$said: they have their numbers";
    cmp_ok $server->status->{totals}{refused}{reserve}, '>=', 1,
        "$said: the refusal is counted";
}

# Without a reserve nobody is there to be asked while they turn.
my $server = server("WheelReserve 0\n" . control_config());
my @wheels = map { $server->begin(GET => '/rotate') } 1 .. WORKERS;
ok wait_until {
    my (undef, $list) = wheelctl_json($server, 'list');
    WORKERS == grep { $_->{state} eq 'rotating' } @{ $list->{running} };
}, 'WheelReserve 0 lets wheels take every worker';
wheelctl($server, qw(stop --all));
is await(@wheels), WORKERS, 'until wheelctl stops them';

sub server {
    my ($config) = @_;
    return WheelServer->started(
        processes => 1, threads => WORKERS, config => $config
    );
}

# Start so many wheels.  A worker that has just answered another request isn't
# idle at once: whoever is refused for that comes again.
sub fill {
    my ($server, $count) = @_;
    my @wheels;
    wait_until {
        my $wheel = $server->begin(GET => '/rotate');
        wait_until { collect(0, $wheel) || $server->rotating > @wheels };
        push @wheels, $wheel unless $wheel->done;
        return @wheels == $count;
    };
    return @wheels;
}
