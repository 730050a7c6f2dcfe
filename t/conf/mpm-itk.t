# SPDX-License-Identifier: Apache-2.0
# mpm_itk forks a process for each connection, of which httpd knows nothing:
# httpd -t and the start say that they don't go together.
#
# Under one MPM: the configuration is refused before any process is made.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();

plan tests => 3, need_module 'wheel';

my $server = WheelServer->new(first => user_modules('test_itk'));
my ($status, $words) = $server->check;
isnt $status, 0, 'httpd -t refuses the configuration';
like $words, qr/WH0031: .*mpm_itk .*forks/, 'and says why';
ok !$server->start, 'the server doesn\'t start';
