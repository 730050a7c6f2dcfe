# SPDX-License-Identifier: Apache-2.0
# Each example of mod_wheel/doc/sizing.md is a configuration that starts, admits
# exactly as many wheels as its table says, refuses the next for the reason
# there, and stops them all.

use strict;
use warnings FATAL => 'all';

use WheelClient qw(http2_config);
use WheelFaults qw(restarted);
use WheelHttp2 ();
use WheelHttpd qw(checkout_dir slurp);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await collect wait_until);

my $http1 = 'Wheels at once';
my $http2 = 'Wheels over HTTP/2 at once';
my $again = 'Wheels in all after a graceful restart';
my $next  = 'The next is refused by';

my @all   = examples(slurp(checkout_dir() . '/mod_wheel/doc/sizing.md'));
my @known = grep { $_->{mpm} eq WheelServer::mpm() } @all;
my $tests = 0;
$tests += 4 + 3 * @{ $_->{claims} } for @known;
plan tests => 2 + $tests, need_module 'wheel';

ok @known > 0, 'the page has examples for this MPM';
is join(', ', map { @{ $_->{odd} } } @all), '',
    'and each row of their tables is one that is checked here';
check($_) for @known;

# Title, MPM, directives and what the table claims: kind, number, reason.
sub examples {
    my ($page) = @_;
    my @examples;
    for my $part ($page =~ /^## Example: (.*?)(?=^## |\z)/smg) {
        my ($title)  = $part =~ /\A(.*)$/m;
        my ($config) = $part =~ /^((?: {4}.+\n)+)/m;
        my (%found, @claims, @odd);
        for my $row ($part =~ /^\| (\w.*) \|$/mg) {
            my ($key, $value) = split / \| /, $row;
            if ($key eq $next && @claims) {
                $claims[-1][2] = $value =~ tr/`//dr;
            }
            elsif (grep { $_ eq $key } $http1, $http2, $again) {
                push @claims, [$key, $value];
            }
            elsif ($key eq 'MPM') {
                $found{mpm} = $value;
            }
            else {
                push @odd, "$title: $key";
            }
        }
        push @odd, "$title: no MPM, or nothing claimed"
            unless $found{mpm} && @claims;
        push @examples, {
            title => $title, mpm => $found{mpm} // '', config => $config,
            claims => \@claims, odd => \@odd
        };
    }
    return @examples;
}

# A server with these directives, which come after those of the test's own and
# so hold.
sub check {
    my ($example) = @_;
    my ($title, $config) = @{$example}{qw(title config)};
    my ($processes) = $config =~ /^\s*StartServers\s+(\d+)/m;
    my ($threads)   = $config =~ /^\s*ThreadsPerChild\s+(\d+)/m;
    my $server      = WheelServer->new(
        processes => $processes, threads => $threads // 1,
        config    => ($config =~ /^\s*H2/m ? http2_config() : '') . $config
    );
    my ($code, $words) = $server->check;
    is $code, 0, "$title: it is right" or diag $words;
    ok $server->start, "$title: httpd starts with it" or diag $server->error_log;
    my (@wheels, @clients);
    for my $claim (@{ $example->{claims} }) {
        my ($kind, $count, $reason) = @$claim;
        if ($kind eq $again) {
            restarted($server, 'USR1');
            wait_until { $server->idle_workers > 1 };
        }
        if ($kind eq $http2) {
            over_http2($server, $count, \@clients);
        }
        else {
            push @wheels, up_to($server, $count);
        }
        is $server->rotating, $count, "$title: \l$kind: $count";
        my $before = refused_by($server, $reason);
        my @more   = map { one_more($server, $kind, \@clients) } 1 .. 5;
        is "@more", '503 503 503 503 503', "$title: no other is let in";
        is refused_by($server, $reason) - $before, 5,
            "$title: and the reason is $reason";
    }
    my $turned = $server->rotating;
    is $server->get('/stop')->header('Wheel-Stopped'), $turned,
        "$title: a stop ends them all";
    is await(@wheels), @wheels, "$title: each has its number";
    wait_until { !$server->running };
    return;
}

# Begin wheels until so many rotate.  A process that is full refuses where
# another has room, after a restart there may be none for a moment, and the last
# ones only get their place one by one, since who asks is busy as well.
sub up_to {
    my ($server, $count) = @_;
    my @wheels;
    my $before = $server->rotating;
    wait_until {
        my $missing = $count - $server->rotating;
        return 1 if $missing <= 0;
        push @wheels, map { $server->begin(GET => '/rotate') }
            1 .. ($missing > 6 ? $missing - 6 : 1);
        wait_until {
            my $refused = collect(0, @wheels);
            $server->rotating - $before + $refused >= @wheels;
        };
        @wheels = grep { !$_->done } @wheels;
        return;
    };
    return @wheels;
}

# Each on a connection of its own.
sub over_http2 {
    my ($server, $count, $clients) = @_;
    for my $n (1 .. $count) {
        my $client = WheelHttp2->new($server->port);
        $client->begin(GET => '/rotate');
        push @$clients, $client;
        $server->wait_rotating($n);
    }
    return;
}

sub one_more {
    my ($server, $kind, $clients) = @_;
    if ($kind eq $http2) {
        push @$clients, WheelHttp2->new($server->port);
        return $clients->[-1]->request(GET => '/rotate')->{status};
    }
    return $server->get('/rotate?wait=30')->status // 'nothing';
}

sub refused_by {
    my ($server, $reason) = @_;
    return $server->status->{totals}{refused}{$reason};
}
