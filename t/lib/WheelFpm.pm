# SPDX-License-Identifier: Apache-2.0
# PHP-FPM for a test or a benchmark, which starts it: its configuration, its
# ports and its command.
package WheelFpm;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);

use WheelHttpd qw(free_port run_group run_user spew);
use WheelRequests qw(php_dir);

our @EXPORT_OK = qw(write_fpm);

# Write the configuration of one pool into a directory.
#   children  workers
#   config    lines of the pool
# Returns { port, status, command }: where it takes requests, where its status
# is, and what starts it.
sub write_fpm {
    my ($dir, %want) = @_;
    my ($port, $status) = (free_port(), free_port());
    my $php = php_dir();
    spew("$dir/fpm.conf", <<"END");
[global]
error_log = $dir/fpm.log
daemonize = no
[www]
user = @{[run_user()]}
group = @{[run_group()]}
listen = 127.0.0.1:$port
pm = static
pm.max_children = $want{children}
pm.status_path = /fpm-status
pm.status_listen = 127.0.0.1:$status
php_admin_value[max_execution_time] = 0
php_admin_value[opcache.enable] = 0
@{[$want{config} // '']}
END
    return {
        port    => $port,
        status  => $status,
        command => [
            '/usr/bin/env', "LD_LIBRARY_PATH=$php/usr/lib/x86_64-linux-gnu",
            "$php/usr/sbin/php-fpm8.2", '-n', '-R', '-y', "$dir/fpm.conf"
        ],
    };
}

1;
