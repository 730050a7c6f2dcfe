# SPDX-License-Identifier: Apache-2.0
# A CGI script that is cooled down, by a limit or by hand, gets the CPU time that
# nobody else wants, with all that it has started; its client gets its answer.

use strict;
use warnings FATAL => 'all';

use WheelControl qw(control_config wheelctl);
use WheelHttpd qw(slurp spew);
use WheelPlan;
use WheelRequests qw(cgi_config listed);
use WheelServer ();
use WheelTest qw(await thread_policy wait_until);

plan tests => 9, need_module 'wheel',
    { 'root alone may change a class' => sub { $> == 0 } };

my $server = WheelServer->new(config => '');
my $dir    = $server->dir;
my $script = <<"END";
sh -c "while [ ! -e $dir/end ]; do :; done" &
while [ ! -e $dir/end ]; do :; done
wait
echo Content-Type: text/plain
echo
echo done
END
$server->configure(config => join "\n", control_config(),
    cgi_config($server, limited => $script, other => $script), <<'END');
WheelRequests on slow=50ms
WheelPrivileged cooldown
<Location "/cgi/limited">
    WheelCpuLimit 100ms action=cooldown
</Location>
END
$server->start or die $server->error_log;

my %answer = map { $_ => $server->begin(GET => "/cgi/$_") } qw(limited other);
ok listed($server, '/cgi/limited', sub { ($_[0]{step} // '') eq 'cooldown' }),
    'a script that reaches its limit is cooled down';
ok wait_until { policies('limited') eq 'idle idle' },
    'it and what it has started take what nobody else wants';
ok wait_until { policies('other') eq 'normal normal' },
    'another script does not';

my $row = listed($server, '/cgi/other');
my ($code, $out) = wheelctl($server, 'cool', "--id=$row->{id}");
is $out, "cooled down\n", 'wheelctl cools that one down';
ok wait_until { policies('other') eq 'idle idle' }, 'as it is';

spew("$dir/end", '');
is await(values %answer), 2, 'both end';
is $answer{$_}->body, "done\n", "$_: its client gets the answer"
    for sort keys %answer;
is $server->get('/')->body, "hello\n", 'and the server goes on';

# The classes of the processes of a script.
sub policies {
    my ($name) = @_;
    return join ' ', map { thread_policy($_, $_) // () } grep {
        (eval { slurp("/proc/$_/environ") } // '')
            =~ m{\0SCRIPT_FILENAME=\Q$dir/cgi/$name\E\0}
    } map {m{/(\d+)$}} glob '/proc/[0-9]*';
}
