# SPDX-License-Identifier: Apache-2.0
# Cuts that race with the answers of backends whose connections are kept: none
# hits a connection that has gone back to its pool and serves another request.
#
# CUTS=1000 for more of them.

use strict;
use warnings FATAL => 'all';

use IO::Poll qw(POLLERR POLLHUP POLLIN);
use Time::HiRes qw(time);
use WheelBackend ();
use WheelClient ();
use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelRequests qw(load_modules);
use WheelServer ();
use WheelTest qw(child_pids wait_until);

my @kinds = qw(line fcgi ajp http);
plan tests => 3 * @kinds + 3, need_module 'wheel', 'proxy',
    { 'root alone may trace a child' => sub { $> == 0 } };

my $cuts    = $ENV{CUTS} // 100;
my $backend = WheelBackend->start(@kinds);
my %port    = map { $_ => $backend->port($_) } @kinds;
my $server  = WheelServer->started(processes => 1, threads => 64,
    config => join "\n", load_modules(qw(env proxy proxy_http proxy_fcgi proxy_ajp)),
    user_modules('test_wait'), <<"END");
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 600
WheelRequests on
WheelPrivileged cut
WheelOnStop refuse interrupt=0 cut=0
SetEnv wait pool=$port{line}
<LocationMatch "^/(wait|calm)/line">
    SetHandler test-wait
</LocationMatch>
<LocationMatch "^/wait/">
    WheelTimeout 10ms
</LocationMatch>
<Proxy "fcgi://127.0.0.1:$port{fcgi}" enablereuse=on>
</Proxy>
@{[map { both_ways($_) } qw(fcgi ajp http)]}
END
my @children = child_pids($server->pid);
my $number   = 0;
for my $kind (@kinds) {
    my $count = race($kind);
    cmp_ok $count->{'wait 504'} // 0, '>=', $cuts, "$kind: so many are cut";
    is join(' ', grep { !/^(?:wait (?:504|right|none nothing)|calm right)$/ }
        sort keys %$count), '', 'no other is hit';
    cmp_ok $count->{'wait right'} // 0, '>', 0, 'and some were faster';
    note join ', ', map {"$_: $count->{$_}"} sort keys %$count;
}
is_deeply [child_pids($server->pid)], \@children, 'no child has died';
unlike $server->error_log, qr/exit signal/, 'none at all';
is $server->get('/')->body, "hello\n", 'and it serves';

sub both_ways {
    my ($kind) = @_;
    return map {qq(ProxyPass "/$_/$kind" "$kind://127.0.0.1:$port{$kind}"\n)}
        qw(wait calm);
}

# Some wait and are cut, beside others that don't wait; all over kept
# connections.  Returns how many had which outcome.
sub race {
    my ($kind) = @_;
    my $poll = IO::Poll->new;
    my (%client, %count);
    next_request($poll, \%client, $_, $kind) for (('wait') x 24, ('calm') x 8);
    my $end = time + 140;
    while (%client && time < $end) {
        $poll->poll(1);
        for my $socket ($poll->handles(POLLIN | POLLHUP | POLLERR)) {
            my $one = $client{ fileno $socket };
            $one->{answer}->read_some;
            next unless $one->{answer}->done;
            $count{ outcome($one) }++; note "$one->{token} ", outcome($one), " ", $one->{answer}->seconds if $one->{answer}->seconds > 10;
            $poll->remove($socket);
            delete $client{ fileno $socket };
            next if ($count{'wait 504'} // 0) >= $cuts;
            next_request($poll, \%client, $one->{what}, $kind,
                $one->{answer}{closing} || $one->{answer}{eof}
                ? () : $one->{client});
        }
    }
    return \%count;
}

sub next_request {
    my ($poll, $clients, $what, $kind, $client) = @_;
    $client //= WheelClient->new($server->port);
    my $token = $what . ++$number;
    $clients->{ fileno $client->socket } = {
        client => $client, what => $what, token => $token,
        answer => $client->ask(GET => "/$what/$kind?token=$token")
    };
    $poll->mask($client->socket => POLLIN);
    return;
}

sub outcome {
    my ($one) = @_;
    my $answer = $one->{answer};
    my $body   = $answer->body // 'nothing';
    my $status = $answer->{status} // 'none';
    return "$one->{what} right" if $body =~ /^(?:token=)?$one->{token}$/;
    return "$one->{what} 504"   if $status eq '504' && $one->{what} eq 'wait';
    return "$one->{what} $status $body";
}
