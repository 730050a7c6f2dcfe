# SPDX-License-Identifier: Apache-2.0
# Requests that are jobs: find one in the status, stop it, and see what is left.
package WheelRequests;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);

use Time::HiRes qw(time);

use WheelHttpd qw(checkout_dir libexec_dir spew);
use WheelServer ();
use WheelTest qw(await wait_until);

our @EXPORT_OK = qw(cgi_config cgi_scripts listed listed_sending stop_listed
    load_modules php_dir);

# The LoadModule lines of modules that come with httpd, unless it has them.
sub load_modules {
    return join '', map {
        my $file = libexec_dir() . "/mod_$_.so";
        -e $file ? "LoadModule ${_}_module \"$file\"\n" : ();
    } @_;
}

# Directives for scripts at /cgi/, each given as its name and its commands.
sub cgi_config {
    return load_modules(WheelServer::mpm() eq 'prefork' ? 'cgi' : 'cgid')
        . cgi_scripts(@_);
}

# The same without the module.
sub cgi_scripts {
    my ($server, %script) = @_;
    my $dir = $server->dir;
    -d "$dir/cgi" or mkdir "$dir/cgi" or die "$dir/cgi: $!\n";
    for my $name (keys %script) {
        spew("$dir/cgi/$name", "#!/bin/sh\n$script{$name}\n");
        chmod 0755, "$dir/cgi/$name" or die "$dir/cgi/$name: $!\n";
    }
    return <<"END";
<IfModule cgid_module>
    ScriptSock "$dir/run/cgisock"
</IfModule>
ScriptAlias "/cgi/" "$dir/cgi/"
<Directory "$dir/cgi">
    Require all granted
</Directory>
END
}

# Where build.sh has unpacked Debian's PHP; undef if it hasn't.
sub php_dir {
    my $dir = checkout_dir() . '/t/.cache/php';
    return -d $dir ? $dir : undef;
}

# The row of a path in the status; waits for it.  With a condition, for a row
# for which it holds.
sub listed {
    my ($server, $path, $condition) = @_;
    return wait_until {
        my ($row) = grep { $_->{path} eq $path && (!$condition || $condition->($_)) }
            @{ $server->status->{requests} };
        $row;
    };
}

# The same, once a part of its answer has been sent: before, its client would be
# told why it is stopped.
sub listed_sending {
    my ($server, $path) = @_;
    return listed($server, $path, sub { $_[0]{sent_bytes} });
}

# Stop the request of a path by its id and wait for its answer.  Returns the
# seconds that it took; undef if there is none.
sub stop_listed {
    my ($server, $path, $answer) = @_;
    my $row = listed($server, $path) or return;
    my $began = time;
    my $said = $server->get("/stop?id=$row->{id}")->status;
    die "stop: $said\n" if $said != 200;
    return await($answer) ? time - $began : undef;
}

1;
