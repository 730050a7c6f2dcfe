# SPDX-License-Identifier: Apache-2.0
# conf/cluster/balancer.conf, as it is, in front of hosts that a test has.
package WheelBalancer;

use strict;
use warnings FATAL => 'all';

use parent qw(WheelServer);

use WheelHttpd qw(checkout_dir libexec_dir module_file run_group run_user
    slurp spew);
use WheelTest qw(wait_until);

# Up to three hosts, as 127.0.0.1:8001; where there are fewer, some are named
# twice.
#   change  of the configuration's text, before it is used
#   mpm     instead of the one under test
sub started {
    my ($class, $hosts, %want) = @_;
    my $mpm    = $want{mpm} // WheelServer::mpm();
    my $file   = checkout_dir() . '/conf/cluster/balancer.conf';
    my %define = (
        WHEEL_PORT => 'PORT', WHEEL_MPM => $mpm, WHEEL_RUN => 'DIR/run',
        WHEEL_MODULES => libexec_dir(), WHEEL_SO => module_file(),
        WHEEL_USER => run_user(), WHEEL_GROUP => run_group(),
        map { ("WHEEL_HOST_$_" => $hosts->[($_ - 1) % @$hosts]) } 1 .. 3
    );
    my $self = $class->new(
        mpm => $mpm, file => $file, define => \%define, processes => 1,
        threads => $want{idle} // 100
    );
    if ($want{change}) {
        my $text = slurp($file);
        local $_ = $text;
        $want{change}->();
        $self->{file} = spew($self->dir . '/balancer.conf', $_);
    }
    $self->start or die "the balancer didn't start:\n" . $self->error_log;
    return $self;
}

sub pid_file { $_[0]->dir . '/run/balancer.pid' }

sub error_log {
    my ($self) = @_;
    return $self->SUPER::error_log . $self->file_text('run/balancer-error.log');
}

1;
