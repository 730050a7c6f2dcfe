# SPDX-License-Identifier: Apache-2.0
# wheelctl refuses a command line that it doesn't understand, and says what is
# wrong and what is allowed; it stops all jobs only with --all.
#
# Under one MPM: it has no part in how wheelctl reads its arguments.

use strict;
use warnings FATAL => 'all';

use IO::Select ();
use IO::Socket::UNIX ();
use POSIX ();
use WheelControl qw(wheelctl);
use WheelHttpd qw(checkout_dir slurp);
use WheelKeeper qw(kept_dir);
use WheelPlan;

my @wrong = (
    [[],                             'list, stop'],
    [['start'],                      "'start' is not one of: list, stop"],
    [['list', 'red'],                "'red' is one word too many"],
    [['stop'],                       'give a filter, or --all'],
    [['stop', '--older=0'],          'give a filter, or --all'],
    [['stop', '--all', '--name=red'], '--all and a filter'],
    [['list', '--all'],              'for stop'],
    [['list', '--wait=1'],           'for stop'],
    [['list', '--dry-run'],          'for stop'],
    [['stop', '-a', '-n', '-w1'],    '--dry-run'],
    [['stop', '--name=a b'],         '--name: ', 'a b', 'A-Z'],
    [['stop', '--name=r*d'],         '--name: ', 'at the end'],
    [['stop', '--id=red'],           '--id: ', 'red'],
    [['stop', '--client=me'],        '--client: ', '192.0.2.7'],
    [['stop', '--kind=a/b'],         '--kind: ', 'a/b'],
    [['stop', '--older=1h'],         '--older: ', 'number of seconds'],
    [['stop', '-a', '--wait=soon'],  '--wait: ', 'soon'],
    [['stop', '--id=1', '--id=2'],   'twice', '--id=2'],
    [['stop', '--colour=red'],       '--colour=red'],
    [['stop', '--name'],             'argument'],
    [['drain'],                      'drain takes --id=N'],
    [['drain', '--id=1', '--path=/x'], 'drain takes --id=N', 'no other'],
    [['drain', '--id=1', '--wait=1'], 'for stop'],
    [['list', '-s', 'x' x 200],      '--socket', '107'],
    [['list', '-s', ''],             '--socket', '1 to 107'],
);

plan tests => 2 * @wrong + 18, need_module 'wheel';

for my $row (@wrong) {
    my ($arguments, @told) = @$row;
    my $shown = substr "wheelctl @$arguments", 0, 50;
    my ($code, $out, $err) = wheelctl(undef, @$arguments);
    is $code, 2, "$shown is wrong";
    is join(' ', grep { index($err, $_) < 0 } @told, 'wheelctl --help'), '',
        "which it says with: @told" or diag $err;
}
my ($code, $out, $err) = wheelctl(undef, 'list', '-s', '/nowhere/wheel.sock');
is $code, 3, 'a socket that is not there is no wrong usage';
like $err, qr{/nowhere/wheel\.sock: .*WheelControl}, 'and is named';
($code, $out, $err) = wheelctl(undef, 'list', '-s', $0);
is $code, 3, 'nor is a file that is no socket';

# Servers that are none, or that end.
($code, $out, $err) = with_server(
    sub { }, # it hangs up before it has read
    sub { sysread $_[0], my $line, 100; print { $_[0] } "200\n{}\n" }
);
is $code, 0, 'when a helper ends before it has read, another one is asked';
($code, $out, $err) = with_server(sub { sysread $_[0], my $line, 100 });
is $code, 3, 'when it has read and gives no answer, none is';
like $err, qr/ended before it answered/, 'since nobody knows what it has done';
($code, $out, $err) = with_server(
    sub { sysread $_[0], my $line, 100; print { $_[0] } "HTTP/1.1 200 OK\n" });
is $code, 3, 'an answer that is none';
like $err, qr/no mod_wheel/, 'is called so';

($code, $out, $err) = with_server(sub {
    sysread $_[0], my $line, 100;
    print { $_[0] } qq(503\n{"detail":"a\\u001b[31mb)
        . "\x7f\xc2\x9b" . ('x' x 5000) . qq("}\n);
});
like $err, qr/^wheelctl: a\?\[31mb\?\?\?x+\.\.\.\n\z/m,
    'what a server says is no command to a terminal';
cmp_ok length $err, '<', 1100, 'nor is it endless';
like $out, qr/\A\{"detail":"a\\u001b\[31mb\\u007f\\u009bx+"\}\n\z/,
    'and in JSON it stays what it was, escaped';

($code, $out, $err) = wheelctl(undef, '--help');
is "$code$err", '0', '--help is';
my @options = $out =~ /^  (?:-\w, )?--([\w-]+)/mg;
cmp_ok scalar @options, '>', 12, 'a list of all options';
my $manual = slurp(checkout_dir() . '/mod_wheel/doc/wheelctl.8');
is join(' ', grep { my $name = s/-/\\\\-/gr; $manual !~ /\\-\\-$name\b/ }
        @options), '', 'each of which is in the manual page';
my %in_help = map { $_ => 1 } @options;
is join(' ', grep { !$in_help{$_} } map {s/\\//gr}
        $manual =~ /\\-\\-(\w+(?:\\-\w+)*)/g), '', 'and the other way round';
is scalar(() = $out =~ /\b[0-4] (?:done|no|wrong|some)/g), 5,
    'and of all exit codes';
($code, $out) = wheelctl(undef, '-V');
my ($version) = slurp(checkout_dir() . '/mod_wheel/CHANGES') =~ /(\S+)\n/;
is $out, "wheelctl (mod_wheel) $version\n", '--version is that of the module';
unlike $manual, qr/^\s+$/m, 'the manual page has no line of blanks';

# What wheelctl makes of a server that does this with its first client, that
# with its second, and so on.
sub with_server {
    my (@does) = @_;
    my $path   = kept_dir() . '/socket';
    my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 5)
        or die "$path: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        for my $do (@does) {
            my $client = $listener->accept;
            $client->autoflush;
            # What is sent is to be here when a server hangs up.
            IO::Select->new($client)->can_read;
            $do->($client);
            close $client;
        }
        POSIX::_exit(0);
    }
    close $listener;
    my @said = wheelctl(undef, 'stop', '--all', '--json', '-s', $path);
    waitpid $pid, 0;
    return @said;
}
