# SPDX-License-Identifier: Apache-2.0
# make install DESTDIR= puts everything in its place: what it installs works
# without the checkout, what an admin has changed stays, and make uninstall
# leaves nothing else behind.
#
# Under one MPM: nothing of it is installed.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(checkout_dir slurp spew);
use WheelKeeper qw(kept_dir);
use WheelPlan;
use WheelServer ();

plan tests => 19, need 'wheel',
    { 'for Debian\'s httpd' => sub { -d '/usr/share/apache2/build' } };

my $dest = kept_dir();
my ($code, $words) = make('install');
is $code, 0, 'make install works' or diag $words;
my %found = map { $_ => 1 } files();
my @wanted = (
    '/usr/lib/apache2/modules/mod_wheel.so', '/usr/include/apache2/mod_wheel.h',
    '/usr/sbin/wheelctl',
    '/usr/share/doc/mod_wheel/manual.md', '/usr/share/doc/mod_wheel/LICENSE',
    '/usr/share/doc/mod_wheel/examples/httpd.conf',
    '/etc/apache2/mods-available/wheel.load',
    '/etc/apache2/mods-available/wheel.conf',
    (map {"/usr/share/apache2/mod_wheel/www/$_"} source('www', '*')),
    (map { sprintf '/usr/share/man/man%s/%s', /(.)$/, $_ }
        source('doc', '*.[1-8]')),
);
is join(' ', grep { !$found{$_} } @wanted), '', 'everything is in its place';
is join(' ', grep { !/^\/(?:etc\/apache2|usr)\// } keys %found), '',
    'nothing is anywhere else';
is join(' ', grep { (stat "$dest$_")[2] & 0022 } keys %found), '',
    'nobody else may write to it';

# Its own configuration, with the places as they are under DESTDIR.
my $mods   = "$dest/etc/apache2/mods-available";
my $server = WheelServer->new(
    addresses => 0, wheel => 0,
    config    => join '',
    map { slurp("$mods/wheel.$_") =~ s{(?=/usr/(?:lib|share)/apache2)}{$dest}gr }
        qw(load conf)
);
ok $server->start, 'a server starts with what was installed'
    or diag $server->error_log;
my @seen = map { $server->get("/wheel/$_")->status }
    'rotate?wait=0', 'stop', 'wheel-status?json', '', 'wheel.js';
is "@seen", '200 200 200 200 200', 'and serves its addresses and its page';
like $server->get('/wheel/')->body, qr/<title>/, 'which is the live page';
$server->stop;

spew("$mods/wheel.conf", "# mine\n");
($code, $words) = make('install');
is slurp("$mods/wheel.conf"), "# mine\n", 'what an admin has changed stays';
ok -s "$mods/wheel.conf.new", 'and has the new one beside it';

mkdir "$dest/etc/apache2/mods-enabled" or die "$!\n";
symlink '../mods-available/wheel.load',
    "$dest/etc/apache2/mods-enabled/wheel.load" or die "$!\n";
($code, $words) = make('uninstall');
isnt $code, 0, 'make uninstall refuses while the module is enabled';
like $words, qr/a2dismod/, 'and says what to do';
unlink "$dest/etc/apache2/mods-enabled/wheel.load";
($code, $words) = make('uninstall');
is $code, 0, 'then it works' or diag $words;
is join(' ', files()), '/etc/apache2/mods-available/wheel.conf',
    'and leaves what the admin has changed';

# An httpd that knows no a2enmod.
my $elsewhere = 'MODS_AVAILABLE= LIBEXECDIR=/opt/httpd/modules '
    . 'SYSCONFDIR=/opt/httpd/conf datadir=/opt/httpd';
($code, $words) = make("install $elsewhere");
is $code, 0, 'make install works where there is no a2enmod' or diag $words;
my ($load) = $words =~ /^(LoadModule .*\nInclude .*\n)/m;
is $load, "LoadModule wheel_module /opt/httpd/modules/mod_wheel.so\n"
    . "Include /opt/httpd/conf/extra/wheel.conf\n", 'and says how to load it';
my $conf = slurp("$dest/opt/httpd/conf/extra/wheel.conf");
unlike $conf, qr/apache2/, 'its wheel.conf has the places of that httpd';
$server->configure(addresses => 0, wheel => 0,
    config => ($load =~ s/^Include.*//mr . $conf)
        =~ s{(?=/opt/httpd)}{$dest}gr);
ok $server->start, 'which starts with these lines' or diag $server->error_log;
is $server->get('/wheel/stop')->status, 200, 'and serves its addresses';
$server->stop;
make("uninstall $elsewhere");
is join(' ', grep {m{^/opt}} files()), '', 'and nothing is left of it';

# The exit code of make and its words.
sub make {
    my ($goal) = @_;
    my $checkout = checkout_dir();
    delete local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
    my $words = qx(make -C '$checkout' $goal DESTDIR='$dest' 2>&1);
    return ($? >> 8, $words);
}

# Files of mod_wheel/DIR that have such a name.
sub source {
    my ($dir, $name) = @_;
    my $from = checkout_dir() . "/mod_wheel/$dir";
    my $deep = $dir eq '.' ? '-maxdepth 1' : '';
    return map { s/^\.\///r } split /\n/,
        qx(cd '$from' && find . $deep -type f -name '$name');
}

# What is installed, without DESTDIR.
sub files {
    return map { s/^\Q$dest\E//r } split /\n/,
        qx(find '$dest' '(' -type f -o -type l ')');
}
