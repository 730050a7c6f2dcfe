# SPDX-License-Identifier: Apache-2.0
# A CGI script that is stopped ends with all that it has started, whether that
# computes, waits or ignores TERM, and also if it outlives its script.

use strict;
use warnings FATAL => 'all';

use WheelClient ();
use WheelHttpd qw(spew slurp);
use WheelPlan;
use WheelRequests qw(cgi_config listed listed_sending load_modules
    stop_listed);
use WheelServer ();
use WheelTest qw(await collect ends wait_until);

my @scripts = (
    ['loop'     => 'sh -c "while :; do :; done" & while :; do :; done'],
    ['sleep'    => 'sleep 600 & sleep 600'],
    ['stubborn' => q(trap '' TERM; while :; do sleep 1; done)],
    ['daemon'   => q{(setsid sh -c 'trap "" TERM; while :; do sleep 1; done' }
        . '>/dev/null 2>&1 </dev/null &); sleep 600'],
);
plan tests => 5 * @scripts + 16, need_module 'wheel';

my $server = WheelServer->new;
my $dir    = $server->dir;
my $text   = 'echo Content-Type: text/plain; echo';
my %script = (
    (map {@$_} @scripts),
    quick => "$text; echo \$WHEEL_JOB",
    'nph-head' => 'printf "HTTP/1.1 200 OK\r\n\r\nbegun\n"; sleep 600',
    head  => "$text; sleep 0.3; echo begun; sleep 600",
    map { $_ => 'while :; do :; done' } qw(limited logged)
);
$server->configure(config => <<"END");
@{[load_modules('include'), cgi_config($server, %script)]}
<Directory "$dir/htdocs">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
</Directory>
WheelRequests on slow=100ms
LogFormat "%U %>s %{wheel-stopped-by}n" stopped
CustomLog stopped stopped
<Location "/cgi/limited">
    WheelCpuLimit 500ms
</Location>
<Location "/cgi/logged">
    WheelCpuLimit 500ms action=log
    WheelTimeout 600ms action=log
</Location>
END
$server->start or die $server->error_log;

for (@scripts) {
    my ($name) = @$_;
    my $answer = $server->begin(GET => "/cgi/$name");
    my $row    = listed($server, "/cgi/$name");
    ok wait_until { processes($name) }, "$name: it runs";
    my $pid  = $row->{pid};
    ok stop_listed($server, "/cgi/$name", $answer), "$name: it ends";
    is $answer->status, 503, "$name: its client is told";
    ok wait_until { !processes($name) }, "$name: no process is left";
    ok -e "/proc/$pid", "$name: the child lives";
}

my $head = $server->begin(GET => '/cgi/head');
is +(listed_sending($server, '/cgi/head') // {})->{sent_bytes}, length "begun\n",
    'what a script has sent is listed';
stop_listed($server, '/cgi/head', $head);
ok $head->status == 200 && !defined $head->body,
    'a part of an answer can not be taken for the whole';
ok wait_until { $server->file_text('stopped') =~ m{^/cgi/head 200 stop$}m },
    'and the access log says why';

# A script that writes to the client itself: no head may follow what it sent.
my $raw = WheelClient->new($server->port);
$raw->send($raw->head(GET => '/cgi/nph-head'));
my $nph = listed($server, '/cgi/nph-head');
ok wait_until { processes('nph-head') }, 'a script that makes its own head runs';
$server->get("/stop?id=$nph->{id}&wait=20");
ok ends($raw->socket, \my $sent), 'its connection ends';
is $sent, "HTTP/1.1 200 OK\r\n\r\nbegun\n", 'and has nothing but what it sent';

like $server->get('/cgi/quick')->body, qr/^\d+$/, 'a script has its id';

# Parts of a page.
spew("$dir/htdocs/page.shtml",
    join '', 'begin', map {qq{<!--#include virtual="/cgi/sleep?$_" -->}} 1 .. 3);
my $page = $server->begin(GET => '/page.shtml');
listed($server, '/page.shtml');
ok wait_until { processes('sleep') }, 'a script that is a part of a page runs';
stop_listed($server, '/page.shtml', $page);
ok !defined $page->body, 'the page is cut';
ok wait_until { !processes('sleep') }, 'and no other part is begun';

my $limited = $server->begin(GET => '/cgi/limited');
is await($limited), 1, 'a script that uses more CPU time than it may';
is $limited->status, 504, 'is stopped';
like $limited->body, qr/WheelCpuLimit/, 'and told by what';

my $logged = $server->begin(GET => '/cgi/logged');
ok $server->logs(qr/WH0103.*WheelCpuLimit/),
    'where a limit is logged alone, the log has it';
ok $server->logs(qr/WH0103.*WheelTimeout/),
    'and the other one';
ok !collect(0, $logged), 'and the script runs on';
stop_listed($server, '/cgi/logged', $logged);

# What runs for a script.
sub processes {
    my ($name) = @_;
    return grep { (eval { slurp("/proc/$_/environ") } // '')
            =~ m{\0SCRIPT_FILENAME=\Q$dir/cgi/$name\E\0} }
        map {m{/(\d+)$}} glob '/proc/[0-9]*';
}
