/* SPDX-License-Identifier: Apache-2.0 */
/* redis/redis.c: stops of many hosts, through a stream in Redis.
 *
 * One thread of each host serves: it reads the stream with a blocking XREAD,
 * and on the same connection says every second that the host lives.  Workers
 * that tell of a stop have a connection of their own, for that stop alone.
 * Nothing here waits longer than it was told to: sockets don't block, and
 * every reply has a deadline.
 */
#include "redis/redis.h"

#include "redis/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "apr_escape.h"
#include "apr_general.h"
#include "apr_hash.h"
#include "apr_strings.h"
#include "apr_uri.h"

/* What lies in Redis, after the key that the cluster was given:
 *
 *   KEY            a stream: the stops, with host, stop and filter
 *   KEY:live       a sorted set: hosts, by when they last said that they live
 *   KEY:hosts      a hash: what each host told of itself
 *   KEY:stop:STOP  a stream that expires: what the hosts say to one stop
 */
#define REDIS_LIVE ":live"
#define REDIS_HOSTS ":hosts"
#define REDIS_STOP ":stop:"

#define REDIS_PORT_DEFAULT "6379"

/* How often a host says that it lives. */
#define REDIS_BEAT_USEC APR_USEC_PER_SEC

/* How often it looks for hosts that are to be forgotten, and how many it
 * forgets at a time. */
#define REDIS_FORGET_USEC (60 * APR_USEC_PER_SEC)
#define REDIS_FORGET_MAX 100

/* How long a server that ends waits for that at most. */
#define REDIS_GOODBYE_USEC APR_USEC_PER_SEC

/* Between two attempts to connect. */
#define REDIS_AGAIN_FIRST_USEC (10 * 1000)
#define REDIS_AGAIN_MAX_USEC APR_USEC_PER_SEC

/* Of any wait at once. */
#define REDIS_LEFT_MAX_MS (24 * 3600 * 1000)

/* How often a worker that waits looks whether its process ends. */
#define REDIS_LOOK_MS 50

/* Entries of one read.  A full one may mean that there were too many. */
#define REDIS_BATCH_MAX 500

/* What hosts said to a stop expires so long after the stop has been answered:
 * those that come later speak to nobody. */
#define REDIS_REPLIES_LATER_MS 10000

#define REDIS_WHY_BYTES 256

struct wheel_link_t {
    const char *where;
    const char *path; /* of a socket, NULL for TCP */
    const char *host;
    const char *port;
    const char *user;     /* NULL for none */
    const char *password; /* NULL for none */
    int db;
    const char *key;
    const char *live;
    const char *hosts;
    unsigned length_max;
    apr_interval_time_t timeout;
};

/* One connection, and the thread that uses it. */
typedef struct wire_t {
    const wheel_link_t *link;
    const wheel_service_t *service; /* NULL for a worker */
    int (*ended)(void);             /* of a worker; NULL: never */
    redisContext *redis;
    char why[REDIS_WHY_BYTES]; /* what went wrong */
} wire_t;

/* --- Time ----------------------------------------------------------------- */

static apr_int64_t clock_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Milliseconds until then, rounded up, for poll(); a day at most. */
static int left_ms(apr_int64_t until)
{
    apr_int64_t left = (until - clock_usec() + 999) / 1000;

    if (left <= 0) {
        return 0;
    }
    return left < REDIS_LEFT_MAX_MS ? (int)left : REDIS_LEFT_MAX_MS;
}

/* --- The link ------------------------------------------------------------- */

static const char *decoded(const char *text, apr_pool_t *pool)
{
    const char *plain;

    if (!text || !*text) {
        return NULL;
    }
    plain = apr_punescape_url(pool, text, NULL, NULL, 0);
    return plain ? plain : "";
}

/* Never show what stands in an URL: it may hold a password. */
static const char *read_tcp(wheel_link_t *link, const char *url,
                            apr_pool_t *pool)
{
    apr_uri_t uri;
    apr_int64_t db;
    char *end;

    if (apr_uri_parse(pool, url, &uri) != APR_SUCCESS || !uri.hostname ||
        !*uri.hostname || uri.query || uri.fragment) {
        return "the URL is not of the form "
               "redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]";
    }
    link->host = uri.hostname;
    link->port =
        uri.port_str && *uri.port_str ? uri.port_str : REDIS_PORT_DEFAULT;
    link->user = decoded(uri.user, pool);
    link->password = decoded(uri.password, pool);
    if (uri.path && uri.path[0] && uri.path[1]) {
        db = apr_strtoi64(uri.path + 1, &end, 10);
        if (*end || db < 0 || db > 65535) {
            return apr_psprintf(pool,
                                "'%.64s' is not the number of a database, "
                                "from 0 to 65535",
                                uri.path + 1);
        }
        link->db = (int)db;
    }
    link->where = apr_psprintf(
        pool, "redis://%s%s%s:%s/%d", strchr(link->host, ':') ? "[" : "",
        link->host, strchr(link->host, ':') ? "]" : "", link->port, link->db);
    return NULL;
}

static const char *read_unix(wheel_link_t *link, const char *url,
                             apr_pool_t *pool)
{
    struct sockaddr_un address;

    link->path = url + strlen(WHEEL_REDIS_UNIX ":");
    while (link->path[0] == '/' && link->path[1] == '/') {
        link->path++;
    }
    if (link->path[0] != '/' ||
        strlen(link->path) >= sizeof(address.sun_path)) {
        return apr_psprintf(pool,
                            "'%.200s' is not the path of a socket: it begins "
                            "with a slash and has at most %d bytes",
                            link->path, (int)sizeof(address.sun_path) - 1);
    }
    return NULL;
}

static const char *redis_read(wheel_link_t **made,
                              const wheel_link_spec_t *spec, apr_pool_t *pool)
{
    wheel_link_t *link = apr_pcalloc(pool, sizeof(*link));
    const char *error;

    link->key = spec->key;
    link->live = apr_pstrcat(pool, spec->key, REDIS_LIVE, NULL);
    link->hosts = apr_pstrcat(pool, spec->key, REDIS_HOSTS, NULL);
    link->length_max = spec->length_max;
    link->timeout = spec->timeout;
    if (!strncmp(spec->url, WHEEL_REDIS_UNIX ":", 5)) {
        error = read_unix(link, spec->url, pool);
    }
    else {
        error = read_tcp(link, spec->url, pool);
    }
    if (error) {
        return error;
    }
    if (spec->db >= 0) {
        link->db = spec->db;
    }
    if (spec->user) {
        link->user = spec->user;
    }
    if (spec->password) {
        link->password = spec->password;
    }
    if (link->user && !link->password) {
        return "a user needs a password, in the URL or by password-file=";
    }
    if (link->path) {
        link->where = apr_psprintf(pool, "unix:%s/%d", link->path, link->db);
    }
    *made = link;
    return NULL;
}

static const char *redis_where(const wheel_link_t *link)
{
    return link->where;
}

/* --- One connection ------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void fail(wire_t *wire,
                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(wire->why, sizeof(wire->why), format, args);
    va_end(args);
}

static int has_ended(const wire_t *wire)
{
    if (wire->service) {
        return wire->service->ended(wire->service->baton);
    }
    return wire->ended && wire->ended();
}

/* Wait for a socket (-1 for none), the end of the service, or the time.
 * @return nonzero if the socket is ready; it is an error then that shows up
 *         with the next call, or what was waited for */
static int wait_for(const wire_t *wire, int fd, short events, apr_int64_t until)
{
    struct pollfd fds[3] = {{fd, events, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};

    if (wire->service) {
        fds[1].fd = wire->service->wake_fds[0];
        fds[2].fd = wire->service->wake_fds[1];
    }
    while (!has_ended(wire)) {
        int left = left_ms(until);
        int ready;

        /* Nothing wakes a worker when its process is to end. */
        if (!wire->service && left > REDIS_LOOK_MS) {
            left = REDIS_LOOK_MS;
        }
        ready = poll(fds, 3, left);
        if (ready > 0 && fds[0].revents) {
            return 1;
        }
        if (ready < 0 ? errno != EINTR : !ready && !left_ms(until)) {
            return 0;
        }
    }
    return 0;
}

/* Make a socket that will be connected, or will not, when it can be written.
 * @return -1 if it already will not */
static int begin_connect(int family, const struct sockaddr *address,
                         socklen_t bytes)
{
    int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    if (family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    }
    if (connect(fd, address, bytes) != 0 && errno != EINPROGRESS) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int connect_to(wire_t *wire, int family, const struct sockaddr *address,
                      socklen_t bytes, apr_int64_t until)
{
    char text[REDIS_WHY_BYTES];
    int error = ETIMEDOUT;
    socklen_t error_bytes = sizeof(error);
    int fd = begin_connect(family, address, bytes);

    if (fd < 0) {
        error = errno;
    }
    else {
        if (wait_for(wire, fd, POLLOUT, until)) {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
        }
        if (!error) {
            return fd;
        }
        close(fd);
    }
    fail(wire, "no connection: %s",
         apr_strerror(APR_FROM_OS_ERROR(error), text, sizeof(text)));
    return -1;
}

static int connect_unix(wire_t *wire, apr_int64_t until)
{
    struct sockaddr_un address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    apr_cpystrn(address.sun_path, wire->link->path, sizeof(address.sun_path));
    return connect_to(wire, AF_UNIX, (struct sockaddr *)&address,
                      sizeof(address), until);
}

/* The first of its addresses that answers. */
static int connect_tcp(wire_t *wire, apr_int64_t until)
{
    struct addrinfo hints;
    struct addrinfo *found;
    const struct addrinfo *one;
    int fd = -1;
    int error;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    error = getaddrinfo(wire->link->host, wire->link->port, &hints, &found);
    if (error == EAI_NONAME || error == EAI_ADDRFAMILY) {
        /* A machine with nothing but loopback has no addresses to configure
         * by. */
        hints.ai_flags = 0;
        error = getaddrinfo(wire->link->host, wire->link->port, &hints, &found);
    }
    if (error) {
        fail(wire, "no address: %s", gai_strerror(error));
        return -1;
    }
    for (one = found; one && fd < 0; one = one->ai_next) {
        fd = connect_to(wire, one->ai_family, one->ai_addr, one->ai_addrlen,
                        until);
    }
    freeaddrinfo(found);
    return fd;
}

static void hang_up(wire_t *wire)
{
    if (wire->redis) {
        redisFree(wire->redis);
        wire->redis = NULL;
    }
}

/* The same, when nothing is under way: without a wait of the kernel for what
 * might still come, which would take a port for a minute each time. */
static void hang_up_done(wire_t *wire)
{
    const struct linger at_once = {1, 0};

    setsockopt(wire->redis->fd, SOL_SOCKET, SO_LINGER, &at_once,
               sizeof(at_once));
    hang_up(wire);
}

/* Send what has been appended, and get the next reply.
 * @return NULL if there is none in time, or the connection has broken */
static redisReply *get_reply(wire_t *wire, apr_int64_t until)
{
    redisContext *redis = wire->redis;
    void *reply = NULL;
    int sent = 0;

    while (1) {
        if (redisGetReplyFromReader(redis, &reply) != REDIS_OK) {
            break;
        }
        if (reply) {
            return reply;
        }
        if (!sent && redisBufferWrite(redis, &sent) != REDIS_OK) {
            break;
        }
        if (!wait_for(wire, redis->fd, sent ? POLLIN : POLLIN | POLLOUT,
                      until)) {
            fail(wire, "no answer in time");
            return NULL;
        }
        /* Without blocking: nothing to read is no error. */
        if (redisBufferRead(redis) != REDIS_OK) {
            break;
        }
    }
    fail(wire, "the connection broke: %s", redis->errstr);
    return NULL;
}

/* The same, for a command whose failure is one of the connection.
 * @return NULL also for an error of Redis */
static redisReply *get_good_reply(wire_t *wire, apr_int64_t until)
{
    redisReply *reply = get_reply(wire, until);

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        fail(wire, "Redis says: %s", reply->str);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* The reply is of no interest, if it is there. */
static int get_ok(wire_t *wire, apr_int64_t until)
{
    redisReply *reply = get_good_reply(wire, until);

    if (reply) {
        freeReplyObject(reply);
    }
    return reply != NULL;
}

static int introduce(wire_t *wire, apr_int64_t until)
{
    const wheel_link_t *link = wire->link;

    if (link->user) {
        redisAppendCommand(wire->redis, "AUTH %s %s", link->user,
                           link->password);
    }
    else if (link->password) {
        redisAppendCommand(wire->redis, "AUTH %s", link->password);
    }
    if ((link->user || link->password) && !get_ok(wire, until)) {
        return 0;
    }
    if (link->db) {
        redisAppendCommand(wire->redis, "SELECT %d", link->db);
        return get_ok(wire, until);
    }
    return 1;
}

/* Connect.  Not before this has been well does anything else go out: what is
 * meant for one database must not land in another. */
static int dial(wire_t *wire)
{
    apr_int64_t until = clock_usec() + wire->link->timeout;
    int fd =
        wire->link->path ? connect_unix(wire, until) : connect_tcp(wire, until);

    if (fd < 0) {
        return 0;
    }
    wire->redis = redisConnectFd(fd);
    if (!wire->redis || wire->redis->err) {
        fail(wire, "no memory for a connection");
        if (!wire->redis) {
            close(fd);
        }
        hang_up(wire);
        return 0;
    }
    wire->redis->flags &= ~REDIS_BLOCK;
    if (!introduce(wire, until)) {
        hang_up(wire);
        return 0;
    }
    return 1;
}

/* --- Replies -------------------------------------------------------------- */

static int is_array(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY;
}

static const char *string_of(const redisReply *reply)
{
    int is_string = reply && (reply->type == REDIS_REPLY_STRING ||
                              reply->type == REDIS_REPLY_STATUS);

    return is_string ? reply->str : NULL;
}

static const redisReply *item(const redisReply *reply, size_t n)
{
    return is_array(reply) && n < reply->elements ? reply->element[n] : NULL;
}

/* TIME: seconds and microseconds.  @return 0 if it is something else */
static apr_int64_t usec_of(const redisReply *reply)
{
    const char *sec = string_of(item(reply, 0));
    const char *usec = string_of(item(reply, 1));

    if (!sec || !usec) {
        return 0;
    }
    return apr_strtoi64(sec, NULL, 10) * 1000000 + apr_strtoi64(usec, NULL, 10);
}

/* An entry of a stream is its id and a list of fields and values. */
static int place_of(const redisReply *entry, wheel_place_t *place)
{
    const char *id = string_of(item(entry, 0));
    char *end;

    if (!id) {
        return 0;
    }
    place->ms = strtoull(id, &end, 10);
    if (*end != '-') {
        return 0;
    }
    place->seq = strtoull(end + 1, &end, 10);
    return *end == '\0';
}

static const char *place_text(const wheel_place_t *place, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT "-%" APR_UINT64_T_FMT,
                        place->ms, place->seq);
}

static int place_is_before(const wheel_place_t *a, const wheel_place_t *b)
{
    return a->ms < b->ms || (a->ms == b->ms && a->seq < b->seq);
}

static const char *field_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = item(entry, 1);
    size_t n;

    for (n = 0; is_array(fields) && n + 1 < fields->elements; n += 2) {
        const char *field = string_of(fields->element[n]);

        if (field && !strcmp(field, name)) {
            return string_of(fields->element[n + 1]);
        }
    }
    return NULL;
}

/* XREAD of one stream answers nil, or [[key, entries]]. */
static const redisReply *entries_of(const redisReply *reply)
{
    return item(item(reply, 0), 1);
}

/* A host may change its name, but not what makes it unique. */
static int same_host(const char *a, const char *b)
{
    const char *a_unique = strrchr(a, '/');
    const char *b_unique = strrchr(b, '/');

    return !strcmp(a_unique ? a_unique : a, b_unique ? b_unique : b);
}

/* --- The service: its place in the stream --------------------------------- */

typedef struct reader_t {
    wire_t wire;
    wheel_place_t place;
    apr_int64_t clock_offset; /* usec from our clock to that of Redis */
    apr_int64_t beat_due;
    apr_int64_t forget_due;
    apr_int64_t looked; /* when the last round began */
    char *beat;         /* what Redis has of us, NULL if perhaps nothing */
    apr_pool_t *pool;   /* of a round */
    unsigned owed;      /* replies to come before that of XREAD */
    char down[REDIS_WHY_BYTES];   /* why there is no link, as last said */
    char failed[REDIS_WHY_BYTES]; /* what was last logged */
} reader_t;

static void set_place(reader_t *reader, const wheel_place_t *place)
{
    const wheel_service_t *service = reader->wire.service;

    reader->place = *place;
    service->set_place(service->baton, place);
}

/* The stream holds no longer what we read last: what stood between that and
 * its oldest entry, or its end, is not known. */
static void lose(reader_t *reader, const wheel_place_t *last)
{
    const wheel_service_t *service = reader->wire.service;
    const char *mine = place_text(&reader->place, reader->pool);
    const char *why;

    if (!last) {
        why = apr_psprintf(reader->pool,
                           "the stream is gone, and was read up to %s", mine);
    }
    else if (place_is_before(last, &reader->place)) {
        why = apr_psprintf(reader->pool,
                           "the stream ends at %s, and was read up to %s: "
                           "Redis has come back with older data",
                           place_text(last, reader->pool), mine);
    }
    else {
        why = apr_psprintf(reader->pool,
                           "the entry %s, which was read last, is no longer "
                           "in the stream: it has been trimmed past it or "
                           "has begun anew",
                           mine);
    }
    service->lost(service->baton, why);
}

/* Where to go on, when the stream is not as we left it. */
static void find_place(reader_t *reader, int known, int has_mine,
                       const wheel_place_t *last)
{
    const wheel_place_t none = {0};

    if (!known) {
        set_place(reader, last ? last : &none);
        return;
    }
    if (has_mine || (!reader->place.ms && !reader->place.seq)) {
        return;
    }
    lose(reader, last);
    if (!last || place_is_before(last, &reader->place)) {
        set_place(reader, last ? last : &none);
    }
}

/* Is the entry that we read last still in the stream?  Entries go from its
 * beginning alone, so then nothing behind it is missing. */
static int check_place(reader_t *reader)
{
    wire_t *wire = &reader->wire;
    const wheel_service_t *service = wire->service;
    const wheel_link_t *link = wire->link;
    apr_int64_t until = clock_usec() + link->timeout;
    int known = service->place(service->baton, &reader->place);
    const char *mine = place_text(&reader->place, reader->pool);
    redisReply *now;
    redisReply *own = NULL;
    redisReply *end = NULL;
    wheel_place_t last;
    int has_last;

    redisAppendCommand(wire->redis, "TIME");
    redisAppendCommand(wire->redis, "XRANGE %s %s %s", link->key, mine, mine);
    redisAppendCommand(wire->redis, "XREVRANGE %s + - COUNT 1", link->key);
    now = get_good_reply(wire, until);
    own = now ? get_good_reply(wire, until) : NULL;
    end = own ? get_good_reply(wire, until) : NULL;
    if (end) {
        reader->clock_offset = usec_of(now) - clock_usec();
        has_last = place_of(item(end, 0), &last);
        find_place(reader, known, is_array(own) && own->elements > 0,
                   has_last ? &last : NULL);
        if (!has_last) {
            /* From now on there is something to know the stream by. */
            redisAppendCommand(wire->redis, "XADD %s * begin %s", link->key,
                               service->host);
            reader->owed++;
        }
    }
    freeReplyObject(now);
    freeReplyObject(own);
    freeReplyObject(end);
    return end != NULL;
}

/* --- The service: what it says -------------------------------------------- */

/* Not the end of the connection: reading goes on. */
static void note_failure(reader_t *reader, const char *why)
{
    const wheel_service_t *service = reader->wire.service;

    if (strcmp(reader->failed, why)) {
        apr_cpystrn(reader->failed, why, sizeof(reader->failed));
        service->failed(service->baton, why);
    }
}

/* Two replies will come. */
static void append_goodbye(const wire_t *wire, const char *host)
{
    redisAppendCommand(wire->redis, "ZREM %s %s", wire->link->live, host);
    redisAppendCommand(wire->redis, "HDEL %s %s", wire->link->hosts, host);
}

static void append_beat(reader_t *reader)
{
    const wire_t *wire = &reader->wire;
    const wheel_service_t *service = wire->service;
    apr_int64_t now = clock_usec();
    wheel_heartbeat_t heartbeat;
    const char *beat;

    if (now < reader->beat_due) {
        return;
    }
    reader->beat_due = now + REDIS_BEAT_USEC;
    redisAppendCommand(wire->redis, "ZADD %s %lld %s", wire->link->live,
                       (long long)(now + reader->clock_offset) / 1000,
                       service->host);
    reader->owed++;
    memset(&heartbeat, 0, sizeof(heartbeat));
    service->heartbeat(service->baton, &heartbeat, reader->pool);
    beat = wheel_wire_heartbeat(&heartbeat, reader->pool);
    if (reader->beat && !strcmp(reader->beat, beat)) {
        return;
    }
    redisAppendCommand(wire->redis, "HSET %s %s %s", wire->link->hosts,
                       service->host, beat);
    reader->owed++;
    free(reader->beat);
    reader->beat = strdup(beat);
}

/* Hosts that are away for long leave the lists.  Any of the others sees to
 * it. */
static int forget_missing(reader_t *reader)
{
    wire_t *wire = &reader->wire;
    apr_int64_t now = clock_usec();
    apr_int64_t until = now + wire->link->timeout;
    apr_int64_t before = now + reader->clock_offset - WHEEL_FORGOTTEN_USEC;
    redisReply *missing;
    size_t n;

    reader->forget_due = now + REDIS_FORGET_USEC;
    redisAppendCommand(wire->redis, "TIME");
    redisAppendCommand(wire->redis, "ZRANGEBYSCORE %s -inf %lld LIMIT 0 %d",
                       wire->link->live, (long long)before / 1000,
                       REDIS_FORGET_MAX);
    missing = get_good_reply(wire, until);
    if (missing) {
        reader->clock_offset = usec_of(missing) - clock_usec();
        freeReplyObject(missing);
        missing = get_good_reply(wire, until);
    }
    for (n = 0; is_array(missing) && n < missing->elements; n++) {
        const char *host = string_of(missing->element[n]);

        if (host) {
            append_goodbye(wire, host);
            reader->owed += 2;
        }
    }
    if (missing) {
        freeReplyObject(missing);
    }
    return missing != NULL;
}

/* --- The service: what it reads ------------------------------------------- */

static void apply_entry(reader_t *reader, const redisReply *entry)
{
    const wire_t *wire = &reader->wire;
    const wheel_service_t *service = wire->service;
    wheel_notice_t notice;
    wheel_place_t place;
    int stopped;

    if (!place_of(entry, &place)) {
        return;
    }
    notice.host = field_of(entry, "host");
    notice.stop = field_of(entry, "stop");
    notice.filter = field_of(entry, "filter");
    if (!notice.host || !notice.stop || !notice.filter ||
        same_host(notice.host, service->host)) {
        set_place(reader, &place);
        return;
    }
    stopped = service->apply(service->baton, &notice, &place, reader->pool);
    reader->place = place;
    redisAppendCommand(wire->redis,
                       "XADD %s" REDIS_STOP "%s NOMKSTREAM * host %s n %d",
                       wire->link->key, notice.stop, service->host, stopped);
    reader->owed++;
}

/* As many entries as one read holds: some may have been trimmed before they
 * were read. */
static int apply_batch(reader_t *reader, const redisReply *reply)
{
    const redisReply *entries = entries_of(reply);
    size_t n;

    if (!is_array(entries)) {
        return 1;
    }
    if (entries->elements >= REDIS_BATCH_MAX && !check_place(reader)) {
        return 0;
    }
    for (n = 0; n < entries->elements; n++) {
        apply_entry(reader, entries->element[n]);
    }
    return 1;
}

static int get_owed(reader_t *reader)
{
    apr_int64_t until = clock_usec() + reader->wire.link->timeout;

    for (; reader->owed; reader->owed--) {
        redisReply *reply = get_reply(&reader->wire, until);

        if (!reply) {
            return 0;
        }
        if (reply->type == REDIS_REPLY_ERROR) {
            note_failure(reader, reply->str);
        }
        freeReplyObject(reply);
    }
    return 1;
}

/* Say what there is to say, and read until the next beat is due. */
static int read_round(reader_t *reader)
{
    wire_t *wire = &reader->wire;
    apr_int64_t now = clock_usec();
    apr_interval_time_t block;
    redisReply *reply;
    int good;

    apr_pool_clear(reader->pool);
    if (now - reader->looked > WHEEL_MISSING_USEC) { /* we were held */
        free(reader->beat);
        reader->beat = NULL;
        if (!get_owed(reader) || !check_place(reader)) {
            return 0;
        }
    }
    reader->looked = now;
    append_beat(reader);
    block = reader->beat_due - now;
    redisAppendCommand(wire->redis, "XREAD COUNT %d BLOCK %d STREAMS %s %s",
                       REDIS_BATCH_MAX, block > 1000 ? (int)(block / 1000) : 1,
                       wire->link->key,
                       place_text(&reader->place, reader->pool));
    if (!get_owed(reader)) {
        return 0;
    }
    reply = get_good_reply(wire, clock_usec() + block + wire->link->timeout);
    if (!reply) {
        return 0;
    }
    good = apply_batch(reader, reply);
    freeReplyObject(reply);
    if (good && now >= reader->forget_due) {
        good = get_owed(reader) && forget_missing(reader);
    }
    return good;
}

static void link_up(reader_t *reader)
{
    const wheel_service_t *service = reader->wire.service;

    reader->down[0] = '\0';
    service->linked(service->baton, NULL);
}

static void link_down(reader_t *reader)
{
    const wheel_service_t *service = reader->wire.service;

    if (strcmp(reader->down, reader->wire.why)) {
        apr_cpystrn(reader->down, reader->wire.why, sizeof(reader->down));
        service->linked(service->baton, reader->wire.why);
    }
}

/* From connect to disconnect.  @return nonzero if it was good for a while */
static int serve_once(reader_t *reader)
{
    wire_t *wire = &reader->wire;
    int was_good = 0;

    reader->owed = 0;
    reader->beat_due = 0;
    reader->looked = clock_usec();
    free(reader->beat);
    reader->beat = NULL;
    apr_pool_clear(reader->pool);
    if (dial(wire) && check_place(reader)) {
        link_up(reader);
        while (!has_ended(wire) && read_round(reader)) {
            was_good = 1;
        }
    }
    hang_up(wire);
    if (!has_ended(wire)) {
        link_down(reader);
    }
    return was_good;
}

static void redis_serve(const wheel_link_t *link,
                        const wheel_service_t *service, apr_pool_t *pool)
{
    apr_interval_time_t again = REDIS_AGAIN_FIRST_USEC;
    unsigned seed = (unsigned)clock_usec() ^ (unsigned)getpid();
    reader_t reader;

    memset(&reader, 0, sizeof(reader));
    reader.wire.link = link;
    reader.wire.service = service;
    apr_pool_create(&reader.pool, pool);
    while (!has_ended(&reader.wire)) {
        apr_int64_t began = clock_usec();

        if (serve_once(&reader)) {
            again = REDIS_AGAIN_FIRST_USEC;
            began = clock_usec();
        }
        /* Not all hosts at once. */
        wait_for(&reader.wire, -1, 0,
                 began + again / 2 + rand_r(&seed) % (again / 2));
        again =
            again * 2 < REDIS_AGAIN_MAX_USEC ? again * 2 : REDIS_AGAIN_MAX_USEC;
    }
    free(reader.beat);
    apr_pool_destroy(reader.pool);
}

/* --- Telling of a stop ---------------------------------------------------- */

/* What a worker needs while it tells of a stop. */
typedef struct teller_t {
    wire_t wire;
    const wheel_notice_t *notice;
    const char *replies_key;
    wheel_round_t *round;
    apr_array_header_t *replies; /* of wheel_reply_t */
    apr_hash_t *by_host;         /* 1 + its number in replies */
    unsigned silent;             /* hosts that have not answered */
    int listed;                  /* this host itself is said to live */
    wheel_place_t place;         /* in the stream of replies */
    apr_pool_t *pool;
} teller_t;

static void add_reply(teller_t *teller, const char *host, int stopped)
{
    wheel_reply_t *reply;
    size_t n = (size_t)apr_hash_get(teller->by_host, host, APR_HASH_KEY_STRING);

    if (n) {
        reply = &APR_ARRAY_IDX(teller->replies, n - 1, wheel_reply_t);
        teller->silent -= reply->stopped == WHEEL_REPLY_NONE;
        reply->stopped = stopped;
        return;
    }
    reply = apr_array_push(teller->replies);
    reply->host = apr_pstrdup(teller->pool, host);
    reply->stopped = stopped;
    teller->silent += stopped == WHEEL_REPLY_NONE;
    apr_hash_set(teller->by_host, reply->host, APR_HASH_KEY_STRING,
                 (void *)(size_t)teller->replies->nelts);
}

/* Those that live, out of ZRANGE ... WITHSCORES: member, score, member, ... */
static void expect_living(teller_t *teller, const redisReply *live,
                          apr_int64_t redis_usec)
{
    size_t n;

    for (n = 0; is_array(live) && n + 1 < live->elements; n += 2) {
        const char *host = string_of(live->element[n]);
        const char *ms = string_of(live->element[n + 1]);

        if (!host || !ms ||
            redis_usec - apr_strtoi64(ms, NULL, 10) * 1000 >=
                WHEEL_MISSING_USEC) {
            continue;
        }
        if (same_host(host, teller->notice->host)) {
            teller->listed = 1;
        }
        else {
            add_reply(teller, host, WHEEL_REPLY_NONE);
        }
    }
}

/* The stop goes last: when it is in the stream, all is ready for replies. */
static void append_stop(teller_t *teller, unsigned stopped,
                        apr_interval_time_t wait_max)
{
    const wheel_link_t *link = teller->wire.link;
    const wheel_notice_t *notice = teller->notice;
    redisContext *redis = teller->wire.redis;

    redisAppendCommand(redis, "TIME");
    redisAppendCommand(redis, "ZRANGE %s 0 -1 WITHSCORES", link->live);
    redisAppendCommand(redis, "XADD %s * host %s n %u", teller->replies_key,
                       notice->host, stopped);
    redisAppendCommand(redis, "PEXPIRE %s %lld", teller->replies_key,
                       (long long)(wait_max / 1000 + REDIS_REPLIES_LATER_MS));
    redisAppendCommand(redis, "XADD %s MAXLEN ~ %u * host %s stop %s filter %s",
                       link->key, link->length_max, notice->host, notice->stop,
                       notice->filter);
}

static int send_stop(teller_t *teller, unsigned stopped,
                     apr_interval_time_t wait_max, apr_int64_t until)
{
    wire_t *wire = &teller->wire;
    redisReply *now;
    redisReply *live = NULL;
    redisReply *replies = NULL;
    redisReply *expiry = NULL;

    append_stop(teller, stopped, wait_max);
    /* From here on, Redis may get it although we never hear of it. */
    teller->round->told = WHEEL_TOLD_PERHAPS;
    now = get_reply(wire, until);
    live = now ? get_reply(wire, until) : NULL;
    replies = live ? get_reply(wire, until) : NULL;
    expiry = replies ? get_reply(wire, until) : NULL;
    if (expiry) {
        redisReply *entry = get_reply(wire, until);

        if (entry && entry->type == REDIS_REPLY_ERROR) {
            teller->round->told = WHEEL_TOLD_NOT;
            fail(wire, "Redis says: %s", entry->str);
        }
        else if (entry) {
            teller->round->told = WHEEL_TOLD;
            expect_living(teller, live, usec_of(now));
        }
        freeReplyObject(entry);
    }
    freeReplyObject(now);
    freeReplyObject(live);
    freeReplyObject(replies);
    freeReplyObject(expiry);
    return teller->round->told == WHEEL_TOLD;
}

static void take_replies(teller_t *teller, const redisReply *reply)
{
    const redisReply *entries = entries_of(reply);
    size_t n;

    for (n = 0; is_array(entries) && n < entries->elements; n++) {
        const char *host = field_of(entries->element[n], "host");
        const char *stopped = field_of(entries->element[n], "n");

        if (!place_of(entries->element[n], &teller->place)) {
            continue;
        }
        if (host && stopped && !same_host(host, teller->notice->host)) {
            int number = atoi(stopped);

            add_reply(teller, host, number < 0 ? WHEEL_REPLY_FAILED : number);
        }
    }
}

/* When there is nobody more to wait for.  A list without this host is one that
 * Redis has lost: the others may be on their way back, too. */
static apr_int64_t last_reply_due(const teller_t *teller, apr_int64_t began,
                                  apr_interval_time_t wait)
{
    apr_interval_time_t brief = teller->wire.link->timeout;

    if (teller->silent) {
        return began + wait;
    }
    return teller->listed ? 0 : began + (wait < brief ? wait : brief);
}

static void await_replies(teller_t *teller, apr_int64_t began,
                          apr_interval_time_t wait)
{
    wire_t *wire = &teller->wire;
    apr_int64_t until = last_reply_due(teller, began, wait);

    while (clock_usec() < until) {
        redisReply *reply;

        redisAppendCommand(
            wire->redis, "XREAD COUNT %d BLOCK %d STREAMS %s %s",
            REDIS_BATCH_MAX, left_ms(until) > 0 ? left_ms(until) : 1,
            teller->replies_key, place_text(&teller->place, teller->pool));
        reply = get_good_reply(wire, until);
        if (!reply) {
            return;
        }
        take_replies(teller, reply);
        freeReplyObject(reply);
        until = last_reply_due(teller, began, wait);
    }
    if (!teller->silent) {
        redisAppendCommand(wire->redis, "UNLINK %s", teller->replies_key);
        get_ok(wire, clock_usec() + wire->link->timeout);
    }
}

static void redis_tell(const wheel_link_t *link, const wheel_notice_t *notice,
                       unsigned stopped, apr_interval_time_t wait_max,
                       int (*ended)(void), wheel_round_t *round,
                       apr_pool_t *pool)
{
    apr_int64_t began = clock_usec();
    apr_interval_time_t wait = wait_max < 0 ? link->timeout : wait_max;
    teller_t teller;

    memset(&teller, 0, sizeof(teller));
    memset(round, 0, sizeof(*round));
    round->told = WHEEL_TOLD_NOT;
    teller.wire.link = link;
    teller.wire.ended = ended;
    teller.notice = notice;
    teller.round = round;
    teller.pool = pool;
    teller.replies = apr_array_make(pool, 16, sizeof(wheel_reply_t));
    teller.by_host = apr_hash_make(pool);
    teller.replies_key =
        apr_pstrcat(pool, link->key, REDIS_STOP, notice->stop, NULL);
    add_reply(&teller, notice->host, (int)stopped);
    if (dial(&teller.wire) &&
        send_stop(&teller, stopped, wait, began + link->timeout)) {
        await_replies(&teller, began, wait);
        hang_up_done(&teller.wire);
    }
    hang_up(&teller.wire);
    round->why = apr_pstrdup(pool, teller.wire.why);
    round->replies = (wheel_reply_t *)teller.replies->elts;
    round->replies_n = teller.replies->nelts;
}

/* --- Looking at all hosts ------------------------------------------------- */

static void take_peers(const redisReply *live, apr_int64_t redis_usec,
                       apr_hash_t *heartbeats, apr_array_header_t *peers)
{
    size_t n;

    for (n = 0; is_array(live) && n + 1 < live->elements; n += 2) {
        const char *host = string_of(live->element[n]);
        const char *ms = string_of(live->element[n + 1]);
        wheel_peer_t *peer;

        if (!host || !ms) {
            continue;
        }
        peer = apr_array_push(peers);
        peer->host = apr_pstrdup(peers->pool, host);
        peer->age = redis_usec - apr_strtoi64(ms, NULL, 10) * 1000;
        peer->age = peer->age > 0 ? peer->age : 0;
        peer->heartbeat = apr_hash_get(heartbeats, host, APR_HASH_KEY_STRING);
    }
}

static apr_hash_t *heartbeats_of(const redisReply *hosts, apr_pool_t *pool)
{
    apr_hash_t *heartbeats = apr_hash_make(pool);
    size_t n;

    for (n = 0; is_array(hosts) && n + 1 < hosts->elements; n += 2) {
        const char *host = string_of(hosts->element[n]);
        const redisReply *text = hosts->element[n + 1];
        wheel_heartbeat_t *heartbeat = apr_pcalloc(pool, sizeof(*heartbeat));

        if (host && string_of(text) &&
            wheel_wire_read_heartbeat(heartbeat, text->str, text->len, pool)) {
            apr_hash_set(heartbeats, host, APR_HASH_KEY_STRING, heartbeat);
        }
    }
    return heartbeats;
}

static const char *redis_look(const wheel_link_t *link, wheel_peer_t **peers,
                              unsigned *peers_n, apr_pool_t *pool)
{
    apr_int64_t until = clock_usec() + link->timeout;
    apr_array_header_t *found = apr_array_make(pool, 16, sizeof(wheel_peer_t));
    redisReply *now = NULL;
    redisReply *live = NULL;
    redisReply *hosts = NULL;
    wire_t wire;

    memset(&wire, 0, sizeof(wire));
    wire.link = link;
    if (dial(&wire)) {
        redisAppendCommand(wire.redis, "TIME");
        redisAppendCommand(wire.redis, "ZRANGE %s 0 -1 WITHSCORES", link->live);
        redisAppendCommand(wire.redis, "HGETALL %s", link->hosts);
        now = get_good_reply(&wire, until);
        live = now ? get_good_reply(&wire, until) : NULL;
        hosts = live ? get_good_reply(&wire, until) : NULL;
    }
    if (hosts) {
        take_peers(live, usec_of(now), heartbeats_of(hosts, pool), found);
        hang_up_done(&wire);
    }
    *peers = (wheel_peer_t *)found->elts;
    *peers_n = found->nelts;
    freeReplyObject(now);
    freeReplyObject(live);
    freeReplyObject(hosts);
    hang_up(&wire);
    return hosts ? NULL : apr_pstrdup(pool, wire.why);
}

static const char *redis_leave(const wheel_link_t *link, const char *host,
                               apr_pool_t *pool)
{
    wheel_link_t brief = *link;
    apr_int64_t until;
    int left = 0;
    wire_t wire;

    if (brief.timeout > REDIS_GOODBYE_USEC) {
        brief.timeout = REDIS_GOODBYE_USEC;
    }
    memset(&wire, 0, sizeof(wire));
    wire.link = &brief;
    until = clock_usec() + brief.timeout;
    if (dial(&wire)) {
        append_goodbye(&wire, host);
        left = get_ok(&wire, until) && get_ok(&wire, until);
    }
    hang_up(&wire);
    return left ? NULL : apr_pstrdup(pool, wire.why);
}

const wheel_provider_t wheel_redis_provider = {
    redis_read, redis_where, redis_serve, redis_tell, redis_look, redis_leave,
};
