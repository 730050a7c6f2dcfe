# SPDX-License-Identifier: Apache-2.0
# While all slots are taken, the requests of threads that have none are no jobs.
# Once slots are free again, their next requests are.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

plan tests => 5, need_module 'wheel';

my $server = WheelServer->started(processes => 1, threads => 4, spare => 0,
    config => user_modules(qw(test_busy test_hostile)) . <<'END');
<Location "/busy">
    SetHandler test-busy
    WheelRequests on slow=0
</Location>
<Location "/take">
    SetHandler test-hostile-slots
    WheelRequests on slow=0
</Location>
END
my $end = $server->dir . '/htdocs/end';

my $taker = $server->begin(GET => '/take');
ok wait_until { collect(0, $taker); $taker->status }, 'all slots are taken';
my @busy = map { $server->begin(GET => '/busy') } 1 .. 2;
ok wait_until { 2 == (() = $server->error_log =~ /WH0100: all/g) },
    'the log says so, once for each thread without a slot';
is_deeply [paths()], ['/take'], 'the requests of these are not listed';
spew($end, '');
await($taker, @busy);
unlink $end;

# Of four workers, one of these two at least runs one of three requests.
@busy = map { $server->begin(GET => '/busy') } 1 .. 3;
ok wait_until { 3 == paths() }, 'once slots are free, the next requests are';
spew($end, '');
await(@busy);
is_deeply [paths()], [], 'until they end';

sub paths { return map { $_->{path} } @{ $server->status->{requests} } }
