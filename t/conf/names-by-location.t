# SPDX-License-Identifier: Apache-2.0
# A wheel's name is what follows the path of the Location that has the handler,
# whatever that path is and whatever the file system holds.
#
# Under one MPM: it has no part in what a path means.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(spew);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await);

# target, status, name
my @table = (
    ['/a/b/spin',              200, undef],
    ['/a/b/spin/red',          200, 'red'],
    ['/a/b/spin/red/blue',     404],
    ['/a/b/spin/',             404],
    ['/a/b/spinning',          404],
    ['/slash/red',             200, 'red'],
    ['/slash',                 200, undef],
    ['/match/north',           200, undef],
    ['/match/north/red',       200, 'red'],
    ['/match/south/a.b-c_D9',  200, 'a.b-c_D9'],
    ['/match/east/red',        404],
    ['/star/one/red',          200, 'red'],
    ['/outer',                 200, undef],
    ['/outer/red',             200, 'red'],
    ['/outer/inner',           200, undef],
    ['/outer/inner/red',       200, 'red'],
    ['/aliased/red',           200, 'red'],
    ['/aliased',               200, undef],
    ['/rotate',                200, undef],
    ['/rotate/index.html',     200, 'index.html'],
    ['/rotate/real',           200, 'real'],
    ['/rotate/dir',            200, 'dir'],
    ['/rotate/dir/file',       404],
    ['/rotate/deep',           200, 'deep'],
    ['/rotate/hidden.d',       200, 'hidden.d'],
    ['//rotate//red',          200, 'red'],
    ['/rotate/./red',          200, 'red'],
    ['/rotate/x/../red',       200, 'red'],
    ['/rotate/../a/b/spin/red', 200, 'red'],
);
my @hosts = ('a DocumentRoot with such files', 'one that has gone');
plan tests => 2 * (2 * @table + 5), need_module 'wheel';

my $server = WheelServer->new(processes => 2, threads => 6);
my $dir    = $server->dir;
mkdir $_ or die "$_: $!\n"
    for map {"$dir/htdocs/$_"} qw(rotate rotate/dir rotate/deep stop);
spew("$dir/htdocs/$_", "a file\n")
    for qw(rotate/real rotate/red rotate/dir/file rotate/index.html
    rotate/deep/index.html stop/red);

for my $host (@hosts) {
    my $root = $host eq $hosts[0] ? 'htdocs' : 'gone';
    mkdir "$dir/gone" or die "$dir/gone: $!\n" if $root eq 'gone';
    # A thread of the idle class may take long to end where others want the CPU.
    $server->configure(config => <<"END");
WheelScheduling normal
DocumentRoot "$dir/$root"
DirectoryIndex index.html
Alias /aliased "$dir/htdocs/rotate"
<Location /a/b/spin>
    SetHandler wheel-rotate
</Location>
<Location /slash/>
    SetHandler wheel-rotate
</Location>
<Location /slash>
    SetHandler wheel-rotate
</Location>
<LocationMatch "^/match/(north|south)(?=/|\$)">
    SetHandler wheel-rotate
</LocationMatch>
<LocationMatch "^/star/[^/]+(?=/|\$)">
    SetHandler wheel-rotate
</LocationMatch>
<Location /outer>
    SetHandler wheel-rotate
</Location>
<Location /outer/inner>
    SetHandler wheel-rotate
</Location>
<Location /aliased>
    SetHandler wheel-rotate
</Location>
<Location /a/b/halt>
    SetHandler wheel-stop
</Location>
END
    $server->start or die $server->error_log;
    rmdir "$dir/gone";
    for my $row (@table) {
        my ($target, $status, $name) = @$row;
        my $answer = $server->get("$target?wait=0&json");
        is $answer->status, $status, "$host: $target is answered $status";
        is $status == 200 ? $answer->json->{name} : undef, $name,
            "$host: its name is " . ($name // 'none');
    }
    my @wheels = $server->rotate(2, '/a/b/spin/red');
    is $server->get('/a/b/halt/blue')->status, 404,
        "$host: a stop elsewhere finds no name that isn't there";
    is $server->get('/stop/red')->header('Wheel-Stopped'), 2,
        "$host: a stop finds names of all Locations";
    push @wheels, $server->rotate(1, '/rotate/red');
    is $server->get('/a/b/halt/red')->header('Wheel-Stopped'), 1,
        "$host: and so does one from another Location";
    is await(@wheels), 3, "$host: all have ended";
    ok $server->stop, "$host: the server ends";
}
