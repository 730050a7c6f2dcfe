# SPDX-License-Identifier: Apache-2.0
# When another Redis becomes the primary, hosts come over to it: also those that
# have found the old one again, at the same address, as a replica of that.
#
# Under one MPM: it has no part in how hosts reach each other.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(redis_module_file);
use WheelPlan;
use WheelRedis ();
use WheelServer ();
use WheelTest qw(await wait_until);

plan tests => 10, need_module 'wheel';

my ($old, $new) = map { WheelRedis->started } 1 .. 2;
ok follows($new, $old), 'one Redis is a replica of the other';

# An address that leads to the primary.
my $address = $old->dir . '/primary';
lead_to($old);
my $module = redis_module_file();
my ($near, $far) = map { WheelServer->started(config => <<"END") } qw(near far);
LoadModule wheel_redis_module "$module"
WheelCluster unix:$address host=$_ timeout=5s
END
ok wait_until { heard($old, 0) == 2 }, 'two hosts are in the cluster';

$new->command(qw(REPLICAOF NO ONE));
ok follows($old, $new), 'they change places';
ok $_->logs(qr/WH0085: .*READONLY/), 'a host says that it is with the old one'
    for $near, $far;
is $near->get('/wheel-status?openmetrics')->body =~ /^wheel_cluster_linked (\d)/m
    && $1, 0, 'which the metrics have';

is grep({ $_->error_log =~ /WH0089: / } $near, $far), 0,
    'and with no other message, of a command that failed';

lead_to($new);
my ($sec) = @{ $new->command('TIME') };
ok wait_until { heard($new, $sec + 1) == 2 },
    'both come over when the address leads to the new one';
my @wheels = map { $_->rotate(1) } $near, $far;
is_deeply [
    sort map {"$_->{host} $_->{outcome} $_->{stopped}"}
        @{ $near->get('/stop?json')->json->{hosts} }
], ['far stopped 1', 'near stopped 1'], 'a stop reaches both, and both reply';
is await(@wheels), 2, 'and ends their wheels';

sub follows {
    my ($replica, $primary) = @_;
    $replica->command(REPLICAOF => $primary->address, $primary->port);
    return wait_until {
        ($replica->info('replication')->{master_link_status} // '') eq 'up'
    };
}

sub lead_to {
    my ($redis) = @_;
    symlink $redis->socket, "$address.new" or die "$address.new: $!\n";
    rename "$address.new", $address or die "$address: $!\n";
    return;
}

# How many hosts it has heard of since then.
sub heard {
    my ($redis, $sec) = @_;
    return $redis->command('ZCOUNT', 'wheel:live', $sec * 1000, '+inf');
}
