# SPDX-License-Identifier: Apache-2.0
# conf/cluster: a balancer and the hosts behind it start as they are and serve
# their clients, whom nobody else can pretend to be.
#
# Under one MPM: it has no part in how hosts reach each other; other tests show
# the rest.

use strict;
use warnings FATAL => 'all';

use WheelBalancer ();
use WheelClient ();
use WheelHttpd qw(checkout_dir libexec_dir module_file redis_module_file
    run_group run_user);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 16, need_module 'wheel';

my $redis = WheelRedis->started;
my @hosts = map { host() } 1 .. 2;
my ($code, $words) = $hosts[0]->check;
is $code, 0, 'conf/cluster/host.conf is right' or diag $words;
$_->start or die "a host didn't start:\n" . $_->error_log for @hosts;
my $proxy = WheelBalancer->started([map { '127.0.0.1:' . $_->port } @hosts]);
($code, $words) = $proxy->check;
is $code, 0, 'conf/cluster/balancer.conf is right' or diag $words;
ok wait_until { 2 == $redis->command(HLEN => 'wheel:hosts') },
    'Redis knows the hosts';

is $proxy->get('/')->body, "hello\n", 'the page comes through the balancer';
# One after the other: two at once may both see the same host as the idler one.
my @wheels;
ok !grep({
    push @wheels, $proxy->begin(GET => '/rotate/red');
    !wait_until { @wheels == map { $_->rotating } @hosts };
} 1 .. 4), 'so do wheels';
is_deeply [map { scalar $_->rotating } @hosts], [2, 2],
    'the balancer spreads them';
my $stop = $proxy->get('/stop?json&wait=15');
is_deeply [map { $_->{stopped} } @{ $stop->json->{hosts} }], [2, 2],
    'one stop through it ends those of both hosts';
is await(@wheels), 4, 'and all are answered';
is $proxy->get('/wheel-status?cluster')->status, 200,
    'the status of all hosts is there';

# By the status that a host gives to the balancer.
my $forged = $proxy->begin(GET => '/rotate',
    headers => ['X-Forwarded-For' => '192.0.2.1']);
wait_until { 1 == map { $_->rotating } @hosts };
is_deeply [map { $_->{client} } map { $_->rotating } @hosts], ['127.0.0.1'],
    'nobody comes from another address by saying so';
$proxy->get('/stop');
await($forged);

my $stranger = WheelClient->new($hosts[0]->port, from => '127.0.0.2')
    ->ask(GET => '/stop');
await($stranger);
is $stranger->status, 403, 'a host serves its balancer alone';
is $proxy->get('/stop', headers => ['Sec-Fetch-Site' => 'cross-site'])->status,
    403, 'and the balancer no page of another site';
unlike $_->error_log . $_->file_text('run/error.log'), qr/:(?:error|crit)\]/,
    'the log has no complaint'
    for $hosts[1];

# A host goes, before any check of its health has told.
$hosts[1]->stop;
@wheels = map { $proxy->begin(GET => '/rotate') } 1 .. 4;
ok wait_until { $hosts[0]->rotating == 4 },
    'what a host that is gone would have had goes to the other one';
# A busy machine may keep Redis waiting: who is told so says it again.
ok wait_until { $proxy->get('/stop')->status == 200 }, 'and so does a stop';
is await(@wheels), 4, 'which ends them';

sub host {
    return WheelServer->new(
        file => checkout_dir() . '/conf/cluster/host.conf', processes => 1,
        threads => 100,
        define => {
            WHEEL_PORT => 'PORT', WHEEL_MPM => 'event',
            WHEEL_MODULES => libexec_dir(), WHEEL_SO => module_file(),
            WHEEL_REDIS_SO => redis_module_file(),
            WHEEL_REDIS    => $redis->address . ':' . $redis->port,
            WHEEL_WWW => 'DIR/htdocs', WHEEL_RUN => 'DIR/run',
            WHEEL_USER => run_user(), WHEEL_GROUP => run_group(),
        }
    );
}
