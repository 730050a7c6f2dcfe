# SPDX-License-Identifier: Apache-2.0
# A real Prometheus scrapes the server, takes what it gets by its Accept header,
# and answers a query with the right number.
#
# Under one MPM: it has no part in how metrics are written.

use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use POSIX ();
use WheelHttpd qw(free_port slurp spew);
use WheelKeeper qw(kept_dir release_dir);
use WheelMetrics qw(prometheus_program);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 9, need_module 'wheel';

my $program = prometheus_program('prometheus');
my $server  = WheelServer->started(processes => 2, threads => 16);
my $dir     = kept_dir();
my $port    = free_port();
spew("$dir/prometheus.yml", <<"END");
global:
  scrape_interval: 200ms
scrape_configs:
  - job_name: wheel
    metrics_path: /wheel-status
    static_configs:
      - targets: ['127.0.0.1:@{[$server->port]}']
END

my $pid = fork // die "fork: $!\n";
if ($pid == 0) {
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$dir/log";
    open STDERR, '>&', \*STDOUT;
    exec {$program} $program, "--config.file=$dir/prometheus.yml",
        "--storage.tsdb.path=$dir/data",
        "--web.listen-address=127.0.0.1:$port"
        or POSIX::_exit(127);
}

END {
    local $?;
    if ($pid) {
        kill TERM => $pid;
        waitpid $pid, 0;
        release_dir($dir);
    }
}

my $prometheus = WheelTest->new(port => $port);

# The answer of the HTTP API, undef while there is none.
sub ask {
    my ($path) = @_;
    my $answer = eval { $prometheus->get("/api/v1/$path", limit => 5) } // return;
    return unless ($answer->status // 0) == 200;
    return $answer->json->{data};
}

# The value of a query that has one, undef if there is none yet.
sub value {
    my ($query) = @_;
    $query =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ge;
    my $data = ask("query?query=$query") // return;
    return $data->{result}[0] && $data->{result}[0]{value}[1];
}

sub comes_to {
    my ($query, $value) = @_;
    return wait_until { (value($query) // '') eq $value };
}

ok comes_to('up{job="wheel"}', 1), 'Prometheus scrapes the server'
    or diag slurp("$dir/log");
ok comes_to('wheel_started_total', 0), 'and finds that no wheel has started';

my @wheels = ($server->rotate(2, '/rotate/red'), $server->rotate(1));
ok comes_to('wheel_rotating', 3), 'then that three rotate';
$server->get('/stop');
await(@wheels);
ok comes_to('sum by (reason) (wheel_ended_total{name="red"} > 0)', 2),
    'that two of one name have ended';
ok comes_to('sum(wheel_ended_total{reason="stop"})', 3),
    'of three that were stopped';
ok comes_to('wheel_stop_latency_seconds_bucket{le="+Inf"}', 3),
    'and that three stops were measured';

# One that takes longer than the interval is an error, so a busy machine has
# some: the last one counts.
ok wait_until {
    my $targets = ask('targets') // {};
    ($targets->{activeTargets}[0]{lastError} // 'none yet') eq '';
}, 'a scrape is no error';
my $known = (wait_until { ask('metadata') }) // {};
is_deeply { map { $_ => $known->{$_}[0]{type} }
        qw(wheel_started wheel_rotating wheel_stop_latency_seconds) },
    { wheel_started => 'counter', wheel_rotating => 'gauge',
      wheel_stop_latency_seconds => 'histogram' },
    'it has learned their types, as OpenMetrics names them';
is $known->{wheel_stop_latency_seconds}[0]{unit}, 'seconds', 'and the unit';
