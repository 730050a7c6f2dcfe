# SPDX-License-Identifier: Apache-2.0
# Whatever ends a job, its worker gets what the work has published: the newest
# result, whole, also if the work is about to publish the next.

use strict;
use warnings FATAL => 'all';

use WheelHttpd qw(user_modules);
use WheelPlan;
use WheelServer ();
use WheelTest qw(await wait_until);

# Each ends in the midst of something, and more than once.
my $rounds = 8;
my @ends   = ([stop => 2], [deadline => 3]);
plan tests => 2 * @ends + 2, need_module 'wheel';

my $server = WheelServer->started(
    config => user_modules('test_job') . <<'END');
WheelReserve 0
WheelScheduling normal
<Location "/job">
    SetHandler test-job
</Location>
<Location "/brief">
    SetHandler test-job
    WheelTimeout 100ms
</Location>
END

is $server->get('/job/tries')->body,
    "rv=0 end=1 refusal=0 sum=0 done=0 value=0 result=0101z\n",
    'what fits is taken, what does not is refused; memory comes zeroed';

for my $row (@ends) {
    my ($name, $end) = @$row;
    my $location = $name eq 'stop' ? '/job' : '/brief';
    for my $what (qw(blocks numbers)) {
        my %seen;
        for (1 .. $rounds / 4) {
            my @jobs = map { $server->begin(GET => "$location/$what") } 1 .. 4;
            if ($name eq 'stop') {
                wait_until {
                    4 == grep { $_->{turns} > 2 } $server->rotating;
                };
                $server->get('/stop');
            }
            await(@jobs);
            for (@jobs) {
                my ($ended, $judged) = $_->body =~ /end=(\d).* result=(.*)$/;
                $seen{"$ended $judged"}++;
            }
        }
        # The time may be over before there is anything.
        my $nothing = $name eq 'deadline' && delete $seen{"$end nothing"} || 0;
        is_deeply \%seen, { "$end right" => $rounds - $nothing },
            "at a $name, $what that were handed over come whole";
    }
}
ok wait_until { !$server->running },
    'work that hands over too late is told so, and ends';
