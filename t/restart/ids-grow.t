# SPDX-License-Identifier: Apache-2.0
# Ids grow over restarts, whatever the clock says, and servers of one directory
# share none.
#
# Under one MPM: it has no part in where ids begin.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(slurp spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(wait_until);

use constant { BLOCK => 2**32, FUTURE => 8 * 10**15, MAX => 2**53 - 1 };

plan tests => 11, need_module 'wheel';

my $server = WheelServer->started(threads => 6, processes => 1);
my $file   = $server->dir . '/run/wheel-ids';
my $first  = id($server);
is id($server), $first + 1, 'ids grow by one';
cmp_ok $first, '<=', MAX, 'and are numbers for every JSON reader';
like slurp($file), qr/\A\d{16}\n\z/, 'a file has the number of the next start';
is((stat $file)[2] & 0777, 0600, 'which is for the server alone');

# As after a start whose clock was ahead.
spew($file, FUTURE . "\n");
again();
is id($server), FUTURE, 'a start with an earlier clock goes on from the file';
again();
is id($server), FUTURE + BLOCK, 'and so does the next';

my $config = sprintf qq(DefaultRuntimeDir "%s/run"\n), $server->dir;
my $other  = WheelServer->started(threads => 6, processes => 1,
    config => $config);
is id($other), FUTURE + 2 * BLOCK, 'another server of the directory has others';
$other->stop;

unlike $server->error_log, qr/WH0014/, 'all that is nothing to warn of';
spew($file, 'rubbish');
again();
ok id($server) > 0, 'with rubbish in the file the server starts';
ok $server->logs(qr/WH0014: .*wheel-ids.*not hold a number/),
    'and the log says so';
like slurp($file), qr/\A\d{16}\n\z/, 'the file is written anew';

# The id of a new wheel.  One is refused while a worker is still busy with the
# request before.
sub id {
    my ($of) = @_;
    return wait_until { $of->get('/rotate?wait=0&json')->json->{id} };
}

sub again {
    $server->stop;
    $server->start or die "httpd didn't start:\n" . $server->error_log;
    return;
}
