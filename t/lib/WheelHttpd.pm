# SPDX-License-Identifier: Apache-2.0
# Where httpd, its modules and our module are, and what a configuration for a
# test needs: a free port, a user to run as, worker counts.
#
# WHEEL_MODULE in the environment names another build of the module (one with
# sanitizers, say), APXS the apxs of another httpd.
package WheelHttpd;

use strict;
use warnings FATAL => 'all';

use Cwd qw(realpath);
use Exporter qw(import);
use File::Basename qw(dirname);
use IO::Socket::INET ();

our @EXPORT_OK = qw(checkout_dir httpd_program libexec_dir module_file
    redis_module_file run_user run_group free_port slurp spew expand_file mpm_config
    modules_config user_modules MPMS);

use constant MPMS => qw(prefork worker event);

my $checkout = realpath(dirname(__FILE__) . '/../..');

sub checkout_dir { $checkout }

my %apxs;

sub apxs {
    my ($name) = @_;
    my $apxs = $ENV{APXS} || 'apxs';
    $apxs{$name} //= do {
        my $value = qx($apxs -q $name);
        $? == 0 or die "$apxs -q $name failed: is apache2-dev installed?\n";
        chomp $value;
        $value;
    };
    return $apxs{$name};
}

# apxs and httpd -l take a while: t/run looks once and tells its tests by the
# environment.
sub httpd_program {
    $ENV{WHEEL_HTTPD} //= do {
        my ($program) = grep { -x }
            map { apxs('SBINDIR') . "/$_" } apxs('PROGNAME'), 'httpd';
        $program // die "no httpd in @{[apxs('SBINDIR')]}\n";
    };
    return $ENV{WHEEL_HTTPD};
}

sub libexec_dir { $ENV{WHEEL_LIBEXECDIR} //= apxs('LIBEXECDIR') }

sub module_file {
    my $file = $ENV{WHEEL_MODULE} // "$checkout/mod_wheel/.libs/mod_wheel.so";
    -e $file or die "$file is missing: run make first\n";
    return realpath($file);
}

# The module that needs hiredis, built as the other one is.
sub redis_module_file {
    my $file = module_file() =~ s/mod_wheel\.so\z/mod_wheel_redis.so/r;
    -e $file or die "$file is missing: install libhiredis-dev and run make\n";
    return $file;
}

# The LoadModule lines of modules that use the job API: those of t/modules and
# mod_wheel/examples.
sub user_modules {
    my $dir = $ENV{WHEEL_USER_MODULES} // 't/modules/.libs';
    $dir = "$checkout/$dir" unless $dir =~ m{^/};
    return join '', map {
        -e "$dir/mod_$_.so" or die "$dir/mod_$_.so is missing: make tests\n";
        qq(LoadModule ${_}_module "$dir/mod_$_.so"\n);
    } @_;
}

# httpd refuses to run its children as root.
sub run_user {
    return scalar getpwuid $> if $> != 0;
    my ($user) = grep { defined getpwnam $_ } qw(www-data nobody);
    return $user // die "neither www-data nor nobody is a user here\n";
}

sub run_group {
    return scalar getgrgid((getpwnam(run_user()))[3]);
}

# A port that nobody listens on, and none of those that the kernel gives to the
# clients of other tests: these would take it while its server is away for a
# moment.  Another program could do so before httpd does: then httpd doesn't
# start, and the caller tries again.
sub free_port {
    my ($first) = slurp('/proc/sys/net/ipv4/ip_local_port_range') =~ /^(\d+)/;
    my @range   = $first > 20_000 ? (10_000, $first - 10_000) : (0, 1);
    for (1 .. 100) {
        my $socket = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', Proto => 'tcp', Listen => 1,
            LocalPort => $range[0] + int rand $range[1]
        ) or next;
        return $socket->sockport;
    }
    die "no free port: $!\n";
}

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    local $/ = undef;
    return scalar <$in> // '';
}

sub spew {
    my ($file, $text) = @_;
    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $text;
    close $out or die "$file: $!\n";
    return $file;
}

# The text of a template of t/lib/conf with its @words@ replaced.
sub expand_file {
    my ($name, %value) = @_;
    my $text = slurp("$checkout/t/lib/conf/$name");
    $text =~ s{\@(\w+)\@}{$value{$1} // die "$name: what is \@$1\@?\n"}ge;
    return $text;
}

# The LoadModule lines for an MPM.
sub modules_config {
    my ($mpm) = @_;
    return expand_file('modules.conf.in', mpm => $mpm,
        libexecdir => libexec_dir(), wheel => module_file());
}

# Directives that start so many processes of so many threads at once, and keep
# them; prefork gets as many workers in all.  spare: places for processes of an
# older generation.
sub mpm_config {
    my ($mpm, %want) = @_;
    my ($processes, $threads) = @want{qw(processes threads)};
    my $workers = $processes * $threads;
    if ($mpm eq 'prefork') {
        my $places = $workers + ($want{spare} // $workers);
        # More than any WheelReserve: where as many are spare as are reserved,
        # wheels are refused and prefork sees no need for more workers.
        return <<"END";
StartServers $workers
MinSpareServers 5
MaxSpareServers @{[$workers + 5]}
ServerLimit $places
MaxRequestWorkers $workers
END
    }
    my $places = $processes + ($want{spare} // $processes);
    return <<"END";
StartServers $processes
MinSpareThreads 1
MaxSpareThreads @{[$workers + $threads]}
ThreadsPerChild $threads
ThreadLimit $threads
ServerLimit $places
MaxRequestWorkers $workers
END
}

1;
