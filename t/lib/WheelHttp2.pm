# SPDX-License-Identifier: Apache-2.0
# HTTP/2 frame by frame, over a WheelClient: many requests on one connection,
# any of them taken back by RST_STREAM at any moment.
package WheelHttp2;

use strict;
use warnings FATAL => 'all';

use parent qw(WheelClient);

use IO::Poll qw(POLLIN);
use JSON::PP ();
use Time::HiRes qw(time);

# Types of frames, flags, settings and errors, by their names in RFC 9113.
use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6,
    GOAWAY => 7, WINDOW_UPDATE => 8,
    ACK => 1, END_STREAM => 1, END_HEADERS => 4,
    PADDED => 8, PRIORITY => 32,
    HEADER_TABLE_SIZE => 1, INITIAL_WINDOW_SIZE => 4,
    CANCEL => 8,
};

# Headers that RFC 7541 gives a number, as far as anybody here asks for them.
my %static_name = (8 => ':status', 53 => 'retry-after');
my %static_status
    = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404, 14 => 500);

# Its Huffman code, as far as numbers need it.
my %digit_code = map { sprintf('%05b', $_) => $_ } 0 .. 2;
$digit_code{ sprintf '%06b', 22 + $_ } = $_ for 3 .. 9;

sub new {
    my ($class, $port, %opt) = @_;
    my $self = $class->SUPER::new($port, %opt,
        $opt{tls} ? (tls => ['h2']) : ());
    @{$self}{qw(bytes next streams)} = ('', 1, {});
    # No dynamic table: then the header blocks stand for themselves.
    $self->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            . frame(SETTINGS, 0, 0,
            pack 'nNnN', HEADER_TABLE_SIZE, 0, INITIAL_WINDOW_SIZE, 1 << 24)
            . frame(WINDOW_UPDATE, 0, 0, pack 'N', 1 << 24));
    return $self;
}

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return pack('xnCCN', length $payload, $type, $flags, $stream) . $payload;
}

# A header that stands for itself: not indexed, no Huffman code.
sub literal {
    my ($name, $value) = @_;
    return pack 'C C/a* C/a*', 0, $name, $value;
}

# Begin a request and return its stream.
sub begin {
    my ($self, $method, $target, %opt) = @_;
    my @header = (
        ':method' => $method, ':scheme' => $self->{tls} ? 'https' : 'http',
        ':path' => $target, ':authority' => "127.0.0.1:$self->{port}",
        @{ $opt{headers} // [] }
    );
    my $block = '';
    while (my ($name, $value) = splice @header, 0, 2) {
        $block .= literal($name, $value);
    }
    my $stream = $self->{next};
    $self->{next} += 2;
    $self->{streams}{$stream} = { body => '', began => time };
    $self->send(frame(HEADERS, END_STREAM | END_HEADERS, $stream, $block));
    return $stream;
}

# Take a request back.
sub take_back {
    my ($self, $stream) = @_;
    $self->send(frame(RST_STREAM, 0, $stream, pack 'N', CANCEL));
    $self->{streams}{$stream}{done} = 'taken back';
    return;
}

# What has come for a stream: status, body, retry-after, done (why no more will
# come) and seconds.
sub answer { $_[0]{streams}{ $_[1] } }

# Why the connection is over, if it is.
sub closed { $_[0]{closed} }

# Request and answer.
sub request {
    my ($self, $method, $target, %opt) = @_;
    my $stream = $self->begin($method, $target, %opt);
    $self->await($stream);
    return $self->answer($stream);
}

# Wait until these streams are done.  Returns how many are.
sub await {
    my ($self, @streams) = @_;
    return $self->wait_done(WheelTest::LIMIT_SEC, @streams);
}

# Read until these streams are done or the time is over.  Returns how many are.
sub wait_done {
    my ($self, $limit, @streams) = @_;
    return wait_all($limit, map { [$self, $_] } @streams);
}

# The same for many connections at once: pairs of connection and stream.
sub wait_all {
    my ($limit, @pairs) = @_;
    my $end  = time + $limit;
    my $poll = IO::Poll->new;
    my %client;
    for my $client (grep { $_->{socket} && !$_->{closed} } map { $_->[0] } @pairs)
    {
        $client{ fileno $client->{socket} } = $client;
        $poll->mask($client->{socket} => POLLIN);
    }
    while (grep { !$_->[0]{closed} && !$_->[0]{streams}{ $_->[1] }{done} } @pairs)
    {
        my $left = $end - time;
        last if $left <= 0;
        # What TLS has read already doesn't show in poll.
        my @ready = grep { $_->{tls} && $_->{socket}->pending } values %client;
        if (!@ready && $poll->poll($left) > 0) {
            @ready = map { $client{ fileno $_ } } $poll->handles(POLLIN);
        }
        for my $client (@ready) {
            $client->read_some;
            $poll->remove($client->{socket}) if $client->{closed};
        }
    }
    return scalar grep { $_->[0]{streams}{ $_->[1] }{done} } @pairs;
}

sub read_some {
    my ($self) = @_;
    my $n = sysread $self->{socket}, $self->{bytes}, 65536,
        length $self->{bytes};
    return if !defined $n && $!{EAGAIN};
    $self->{closed} = defined $n ? 'closed' : "$!" unless $n;
    while (length $self->{bytes} >= 9) {
        my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN',
            $self->{bytes};
        my $length = $high << 16 | $low;
        last if length $self->{bytes} < 9 + $length;
        my $payload = substr $self->{bytes}, 9, $length;
        substr $self->{bytes}, 0, 9 + $length, '';
        $self->heed($type, $flags, $stream & 0x7fff_ffff, $payload);
    }
    return;
}

sub heed {
    my ($self, $type, $flags, $id, $payload) = @_;
    if ($type == SETTINGS && !($flags & ACK)) {
        $self->send(frame(SETTINGS, ACK, 0, ''));
    }
    elsif ($type == PING && !($flags & ACK)) {
        $self->send(frame(PING, ACK, 0, $payload));
    }
    my $answer = $self->{streams}{$id} or return;
    if ($type == HEADERS || $type == DATA) {
        $payload = unpad($type, $flags, $payload);
        $type == DATA
            ? ($answer->{body} .= $payload)
            : read_headers($answer, $payload);
        finish($answer, 'answered') if $flags & END_STREAM;
    }
    elsif ($type == RST_STREAM) {
        finish($answer, 'reset by the server');
    }
    return;
}

sub finish {
    my ($answer, $how) = @_;
    $answer->{done} ||= $how;
    $answer->{seconds} //= time - $answer->{began};
    return;
}

sub unpad {
    my ($type, $flags, $payload) = @_;
    if ($flags & PADDED) {
        my $padding = unpack 'C', $payload;
        $payload = substr $payload, 1, length($payload) - 1 - $padding;
    }
    return $type == HEADERS && $flags & PRIORITY ? substr $payload, 5 : $payload;
}

# A header block, for as much of it as has a number.
sub read_headers {
    my ($answer, $block) = @_;
    while (length $block) {
        my $first = ord $block;
        if ($first & 0x80) {
            my $index = integer(\$block, 7);
            $answer->{status} = $static_status{$index} // $answer->{status};
            next;
        }
        if (($first & 0xe0) == 0x20) {    # the size of the dynamic table
            integer(\$block, 5);
            next;
        }
        my $index = integer(\$block, $first & 0x40 ? 6 : 4);
        my $name  = $index ? $static_name{$index} // '' : string(\$block);
        my $value = string(\$block);
        $answer->{ $name =~ s/^://r } = $value if $index && $name;
    }
    return;
}

sub integer {
    my ($block, $bits) = @_;
    my $most  = (1 << $bits) - 1;
    my $value = ord(substr $$block, 0, 1, '') & $most;
    return $value if $value < $most;
    for (my $shift = 0;; $shift += 7) {
        my $byte = ord substr $$block, 0, 1, '';
        $value += ($byte & 0x7f) << $shift;
        return $value unless $byte & 0x80;
    }
    return;
}

# A string; what is in Huffman code, only if it is a number.
sub string {
    my ($block) = @_;
    my $huffman = ord($$block) & 0x80;
    my $length  = integer($block, 7);
    my $bytes   = substr $$block, 0, $length, '';
    return $bytes unless $huffman;
    my ($bits, $digits) = (unpack('B*', $bytes), '');
    while ($bits =~ /\A([01]{5})([01]?)/) {
        my ($code) = grep { defined $digit_code{$_} } $1, $1 . $2 or last;
        $digits .= $digit_code{$code};
        substr $bits, 0, length $code, '';
    }
    return $digits;
}

sub json { JSON::PP::decode_json($_[0]{body}) }

1;
