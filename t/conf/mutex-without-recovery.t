# SPDX-License-Identifier: Apache-2.0
# A mutex type that stays locked when its holder is killed is refused at start,
# and the log says why.
#
# Under one MPM: the mutex is refused before any process is made.

use strict;
use warnings FATAL => 'all';

use WheelPlan;
use WheelServer ();

my @types = ('sem', 'posixsem');
plan tests => 3 * @types, need_module 'wheel';

for my $type (@types) {
    my $server = WheelServer->new(config => "Mutex $type wheel\n");
    ok !$server->start, "with Mutex $type, the server doesn't start";
    my ($reason) = $server->error_log =~ /(WH0001: .*)/;
    like $reason // '', qr/killed .* blocks all others/, 'the log says why';
    like $reason // '', qr/use pthread, sysvsem, fcntl or flock/,
        'and what to use instead';
}
