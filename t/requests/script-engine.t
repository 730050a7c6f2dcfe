# SPDX-License-Identifier: Apache-2.0
# A module with an engine of scripts, whatever its handler is called, is asked
# where its script is, and ends it when it is interrupted.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl);
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelRequests qw(listed stop_listed);
use WheelServer ();
use WheelTest qw(wait_until);

plan tests => 7, need_module 'wheel';

my $server = WheelServer->started(
    config => user_modules('test_job') . control_config() . <<'END');
WheelRequests on slow=1500ms where=log
WheelPrivileged where
<Location "/job">
    SetHandler test-job
</Location>
<Location "/wheel-status">
    WheelWhere on
</Location>
END
# 255 bytes, and nothing that a terminal takes for a command.
my $trace = 'script:7 ??[1m<b>' . 'x' x 238;

my $script = $server->begin(GET => '/job/script');
my $row    = listed($server, '/job/script');
ok wait_until {
    my ($now) = grep { $_->{id} == $row->{id} }
        @{ $server->status->{requests} };
    ($now->{where} // '') =~ /; in its script: \Q$trace\E$/;
}, 'the status tells where its script is';
ok wait_until {
    $server->error_log
        =~ /WH0130: request $row->{id} .*; in its script: \Q$trace\E$/m;
}, 'so does the log';
SKIP: {
    skip 'root alone may trace a child', 1 if $>;
    my (undef, $out) = wheelctl($server, 'where', "--id=$row->{id}");
    like $out, qr/^in its script: \Q$trace\E$/m, 'and wheelctl';
}
ok stop_listed($server, '/job/script', $script), 'a stop interrupts it';
is $script->status, 503, 'and its client is told';

my $begun = $server->begin(GET => '/job/begun-script');
wait_until { $begun->read_some; $begun->status };
ok stop_listed($server, '/job/begun-script', $begun),
    'so does one of a script whose answer has begun below all filters';
ok $begun->status == 200 && !defined $begun->body,
    'and that does not look complete';
