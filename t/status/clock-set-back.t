# SPDX-License-Identifier: Apache-2.0
# Durations come from the monotonic clock: when somebody sets the wall clock
# back, nothing is negative, and no deadline moves.
#
# Under one MPM: it has no part in which clock is read.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

my $shim = checkout_dir() . '/t/modules/.libs/clock_shim.so';
plan -e $shim && ($ENV{WHEEL_HTTPD} // '') !~ /asan/
    ? (tests => 10, need_module 'wheel')
    : (skip_all => 'a sanitizer has to be loaded first');

my $server = WheelServer->new(processes => 1, threads => 6);
my $file   = $server->dir . '/clock';
spew($file, pack 'i', 0);
chmod 0644, $file or die "$file: $!\n";
$server->configure(env => { LD_PRELOAD => $shim, CLOCK_SHIM_FILE => $file });
$server->start or die "httpd didn't start:\n" . $server->error_log;

my ($turns) = $server->rotate(1, '/rotate/turns?json');
my $timed   = $server->begin(GET => '/rotate/timed?wait=1.5&json');
wait_until { $server->status->{totals}{started} == 2 }
    or die "the wheels don't turn\n";
my $before = $server->status;
set_clock(-3600);
my $after = $server->status;
cmp_ok $after->{time}, '<', $before->{time}, 'the clock is set back';
cmp_ok $after->{server}{uptime}, '>=', $before->{server}{uptime}, 'the uptime goes on';
cmp_ok $after->{server}{uptime}, '<', 100, 'and is that of this server';
is scalar(grep { $_->{elapsed} < 0 || $_->{elapsed} > 100 }
    @{ $after->{running} }), 0, 'no wheel has run for less than nothing';

await($timed);
is $timed->json->{stopped_by}, 'deadline', 'a deadline comes in its time';
cmp_ok $timed->json->{elapsed}, '>=', 1.5, 'not before it';
$server->post('/stop');
await($turns);
cmp_ok $turns->json->{elapsed}, '<', 100, 'a stopped wheel has run as it has';
cmp_ok $turns->json->{elapsed}, '>=', 0, 'and not less than nothing';
my $pages = join '', map { $server->get($_)->body } '/wheel-status?auto',
    '/wheel-status?openmetrics';
unlike $pages, qr/\d{15}\.|[ :]-\d/, 'no format has a negative or huge number';
like $server->get('/wheel-status', headers => [Accept => 'text/html'])->body,
    qr/\A(?!.*\d,\d{3},\d{3},\d{3} s)/s, 'nor has the page';

sub set_clock {
    my ($seconds) = @_;
    open my $out, '+<', $file or die "$file: $!\n";
    syswrite $out, pack 'i', $seconds;
    close $out;
    return;
}
