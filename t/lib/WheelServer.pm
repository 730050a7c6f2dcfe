# SPDX-License-Identifier: Apache-2.0
# An httpd of the test's own, in a directory of its own, on a free port, under
# the MPM that t/run tests: for configurations and life cycles that the shared
# server can't have.  It ends with the test, whatever becomes of either.
package WheelServer;

use strict;
use warnings FATAL => 'all';

use parent qw(WheelTest);

use POSIX ();
use Scalar::Util qw(weaken);

use WheelHttpd qw(expand_file free_port httpd_program mpm_config run_group
    run_user slurp spew);
use WheelKeeper qw(alive end_server kept_dir release_dir);
use WheelTest qw(wait_until);

# For httpd to start, and for a child to come; and for each of many workers.
use constant START_SEC => 60;
use constant START_WORKER_SEC => 0.05;

# For a server to end when its test is over: handlers that never end keep it
# longer, and a sanitizer may have something to say.
use constant FINISH_SEC => ($ENV{WHEEL_HTTPD} // '') =~ /asan/ ? 10 : 2;

# For a helper that is to come, and may not.
use constant HELPER_SEC => 5;

# Where a configuration of ours tells how many workers are idle.
use constant WORKERS => '/workers-of-the-test';

# Servers that this test has not yet ended, and what sanitizers said of others.
my %running;
my $reports = 0;

# The MPM under test.
sub mpm { $ENV{WHEEL_MPM} // 'event' }

# Make one, without starting it.
#   processes, threads  how many workers (prefork: their product)
#   spare               processes of an older generation that fit, too
#   ready               idle workers that show that it is up: all, if not given
#   config              appended to the configuration
#   first               the same, before all else
#   addresses           0: without the contract's Locations
#   wheel               0: without the module
#   env                 the environment's changes, by name
#   mpm                 instead of the one under test
#   address, listen     where clients find it, and where it listens
#   mode                the option that keeps it in the foreground, or -X
#   within              a command to start it by: in a network namespace, say
#   file, define        a configuration to use as it is, and what its
#                       variables are; DIR stands for the test's directory
sub new {
    my ($class, %want) = @_;
    my $self = bless {
        mpm => mpm(), processes => 2, threads => 4, addresses => 1, wheel => 1,
        config => '', first => '', env => {}, within => [],
        address => '127.0.0.1', %want, dir => kept_dir(), maker => $$,
    }, $class;
    weaken($running{$self} = $self);
    my $dir = $self->{dir};
    mkdir "$dir/$_" or die "$dir/$_: $!\n" for qw(htdocs run);
    spew("$dir/htdocs/index.html", "hello\n");
    $self->configure;
    return $self;
}

# Write the configuration again, with other values if given.  httpd ends what is
# silent for so many seconds: that is to be later than any limit of a test.
sub configure {
    my ($self, %want) = @_;
    %$self = (%$self, port => free_port(), %want);
    my $dir = $self->{dir};
    return $self if $self->{file};
    my $user = $> ? '' : sprintf "User %s\nGroup %s\n", run_user(), run_group();
    spew($self->conf_file, join "\n",
        $self->{first}, $self->modules_config, mpm_config($self->{mpm}, %$self),
        $user, <<"END", $self->{addresses} ? $self->addresses : (),
ServerName 127.0.0.1
ServerRoot "$dir"
Listen @{[$self->{listen} // $self->{address}]}:$self->{port}
DocumentRoot "$dir/htdocs"
TypesConfig /dev/null
DefaultRuntimeDir "$dir/run"
Timeout 600
KeepAliveTimeout 60
PidFile "$dir/run/httpd.pid"
ErrorLog "$dir/error_log"
LogLevel info
<Directory "$dir/htdocs">
    Require all granted
</Directory>
<Location "@{[WORKERS]}">
    SetHandler server-status
</Location>
END
        $self->{config}, '');
    return $self;
}

sub modules_config {
    my ($self) = @_;
    my $lines = WheelHttpd::modules_config($self->{mpm});
    return $self->{wheel} ? $lines : $lines =~ s/^LoadModule wheel_.*\n//mr;
}

sub addresses { expand_file('wheel.conf.in') }
sub dir       { $_[0]{dir} }
sub pid_file  { "$_[0]{dir}/run/httpd.pid" }
sub conf_file { $_[0]{file} // "$_[0]{dir}/httpd.conf" }

# Directives for virtual hosts, each given as its name before .test and its
# lines, where DIR stands for the server's directory.  The first one, for all
# other names, has none.
sub virtual_hosts {
    my ($self, %lines) = @_;
    return join "\n", map {
        ('<VirtualHost *>', "ServerName $_->[0].test",
            $_->[1] =~ s/DIR/$self->{dir}/gr, '</VirtualHost>', '')
    } ['first', ''], map { [$_, $lines{$_}] } sort keys %lines;
}

# Options of httpd that set the variables of a given configuration.
sub defines {
    my ($self) = @_;
    my %value = (PORT => $self->{port}, DIR => $self->{dir});
    my %define = %{ $self->{define} // {} };
    return map {
        my $value = $define{$_} =~ s/(PORT|DIR)/$value{$1}/gr;
        ('-C', qq(Define $_ "$value"));
    } sort keys %define;
}

# The command with its environment, for exec.
sub command {
    my ($self, @arguments) = @_;
    return (
        @{ $self->{within} },
        'env', (map {"$_=$self->{env}{$_}"} sort keys %{ $self->{env} }),
        httpd_program(), '-d', $self->{dir}, $self->defines,
        '-f', $self->conf_file, @arguments
    );
}

# What httpd -t says: its exit code and its words.
sub check {
    my ($self, @more) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec $self->command('-t', @more) or POSIX::_exit(127);
    }
    local $/ = undef;
    my $words = <$out> // '';
    close $out;
    return ($? >> 8, $words);
}

# Run httpd with this configuration and these options; returns its exit code.
sub run {
    my ($self, @options) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>>', "$self->{dir}/output";
        open STDERR, '>&', \*STDOUT;
        exec $self->command(@options) or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return $? >> 8;
}

# Make, start and return.
sub started {
    my ($class, %want) = @_;
    my $self = $class->new(%want);
    $self->start or die "httpd didn't start:\n" . $self->error_log;
    return $self;
}

# Another program may have taken the port meanwhile: then on another port.
sub start {
    my ($self) = @_;
    for (1 .. 3) {
        $self->start_once and return 1;
        last unless $self->error_log =~ /Address already in use/;
        $self->configure;
    }
    return 0;
}

sub start_once {
    my ($self) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        # In the foreground httpd stays in our process group, and prefork ends
        # by a signal to the whole group.  Not a session of its own: the kernel
        # may share the processor out by sessions, and then the idle threads of
        # one compete with all that other tests do.
        setpgrp(0, 0);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/output";
        open STDERR, '>&', \*STDOUT;
        exec $self->command($self->{mode} // '-DFOREGROUND')
            or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    my $ready = wait_until {
        waitpid($pid, POSIX::WNOHANG()) == $pid and return 'ended';
        return 'up' if -s $self->pid_file
            && $self->idle_workers >= ($self->{ready} // $self->workers);
        return;
    } START_SEC + START_WORKER_SEC * $self->workers;
    if (($ready // '') eq 'up') {
        wait_until { $self->has_helper } HELPER_SEC;
        return 1;
    }
    end_server($pid, 1);
    delete $self->{pid};
    return 0;
}

# The helper, if this configuration asks for one, has no name of its own for a
# moment after it was forked.
sub has_helper {
    my ($self) = @_;
    return $self->{config}
        !~ /^\s*Wheel(?:Control (?!off)|Cluster \S|Requests on)/m
        || WheelTest::helper_pids($self->{pid});
}

sub workers { $_[0]{processes} * $_[0]{threads} }

# Workers that the scoreboard shows as idle or as reading this question.
sub idle_workers {
    my ($self) = @_;
    my $path   = $self->{file} ? '/server-status' : WORKERS;
    my $answer = eval { $self->get("$path?auto", limit => 2) };
    return 0 unless $answer && ($answer->status // 0) == 200;
    my ($idle) = $answer->body =~ /^IdleWorkers: (\d+)$/m;
    return $idle + 1;
}

sub signal {
    my ($self, $name) = @_;
    return kill $name => $self->{pid};
}

sub restart  { $_[0]->signal('HUP') }
sub graceful { $_[0]->signal('USR1') }

# End it, as apachectl stop does.  Returns whether it went by itself.
sub stop {
    my ($self, $limit) = @_;
    my $pid = delete $self->{pid} // return 1;
    return end_server($pid, $limit);
}

# Is the parent there?
sub up {
    my ($self) = @_;
    return 0 unless $self->{pid};
    waitpid $self->{pid}, POSIX::WNOHANG();
    return alive($self->{pid});
}

# Does it answer within two seconds?
sub serves {
    my ($self) = @_;
    my $answer = eval { $self->get('/index.html', limit => 2) };
    return $answer && ($answer->status // 0) == 200;
}

# Kill a child as kill -9 does.  (Without a pid, that would be this test.)
sub kill_child {
    my ($self, $pid) = @_;
    $pid or die "no child to kill\n";
    return kill KILL => $pid;
}

sub error_log {
    my ($self) = @_;
    my $text = '';
    for my $file (map {"$self->{dir}/$_"} qw(output error_log)) {
        $text .= slurp($file) if -e $file;
    }
    return $text;
}

# Does the log say this, now or soon?
sub logs {
    my ($self, $pattern) = @_;
    return wait_until { $self->error_log =~ $pattern };
}

sub file_text {
    my ($self, $name) = @_;
    my $file = "$self->{dir}/$name";
    return -e $file ? slurp($file) : '';
}

# A test fails if a sanitizer has found something, be it in the last moment of
# a process.
sub finish {
    my ($self) = @_;
    delete $running{$self} or return;
    local ($?, $@, $!);
    $self->stop(FINISH_SEC);
    my @found = $self->error_log =~ /^.*(?:Sanitizer:|runtime error:).*/mg;
    print STDERR "$_\n" for @found;
    $reports += @found;
    release_dir($self->{dir});
    return;
}

sub DESTROY {
    my ($self) = @_;
    $self->finish if $self->{maker} && $self->{maker} == $$;
    return;
}

END {
    $_->finish for grep { $_ && $_->{maker} == $$ } values %running;
    $? ||= 1 if $reports;
}

1;
