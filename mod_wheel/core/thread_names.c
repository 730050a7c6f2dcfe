/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_names.c: names for a copied stack, by a process without rights.
 *
 * Started by wheelctl, for root, and by the helper.
 */
#include "core/thread_names.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/rights.h"

/* It takes some hundredths of a second; beside other load, it has time. */
#define NAMES_CPU_SEC 5

/* Of what it writes to, which files that it maps count as, too. */
#define NAMES_MEMORY_BYTES (1024L * 1024 * 1024)
#define NAMES_FILES 256

/* Who has no files, as the kernel numbers a user that it can't name. */
#define NAMES_NOBODY 65534

#define STATUS_BYTES 4096
#define PATH_BYTES 64

/* Nothing that changes a file or another process, and no network. */
static const int names_calls[] = {
    SCMP_SYS(read),         SCMP_SYS(pread64),       SCMP_SYS(write),
    SCMP_SYS(close),        SCMP_SYS(lseek),         SCMP_SYS(fcntl),
    SCMP_SYS(stat),         SCMP_SYS(fstat),         SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),   SCMP_SYS(readlink),      SCMP_SYS(readlinkat),
    SCMP_SYS(mmap),         SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(mprotect),     SCMP_SYS(madvise),       SCMP_SYS(brk),
    SCMP_SYS(memfd_create), SCMP_SYS(futex),         SCMP_SYS(sysinfo),
    SCMP_SYS(getrandom),    SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit_group),
};

/* --- The list of mappings ------------------------------------------------- */

/* The first of four: the real one.  A program that runs with the rights of
 * its owner has those of this user in any case. */
static int number_of(const char *status, const char *label, unsigned *number)
{
    const char *at = strstr(status, label);

    return at && sscanf(at + strlen(label), "%u", number) == 1;
}

/* @return 0 if the process is gone */
static int read_user(const wheel_mappings_t *mappings, uid_t *user,
                     gid_t *group)
{
    char text[STATUS_BYTES];
    int fd = openat(mappings->process, "status", O_RDONLY | O_CLOEXEC);
    ssize_t bytes;

    if (fd < 0) {
        return 0;
    }
    bytes = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    return number_of(text, "\nUid:", user) && number_of(text, "\nGid:", group);
}

const char *wheel_mappings_open(pid_t pid, wheel_mappings_t *mappings)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
    mappings->list = -1;
    mappings->process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mappings->process >= 0 &&
        read_user(mappings, &mappings->user, &mappings->group)) {
        mappings->list =
            openat(mappings->process, "maps", O_RDONLY | O_CLOEXEC);
    }
    if (mappings->list < 0) {
        wheel_mappings_close(mappings);
        return "the mappings of the process can't be read";
    }
    return NULL;
}

void wheel_mappings_close(const wheel_mappings_t *mappings)
{
    if (mappings->process >= 0) {
        close(mappings->process);
    }
    if (mappings->list >= 0) {
        close(mappings->list);
    }
}

/* Does it still run, as the same user? */
static int is_same(const wheel_mappings_t *mappings)
{
    uid_t user;
    gid_t group;

    return read_user(mappings, &user, &group) && user == mappings->user &&
           group == mappings->group;
}

/* --- In the process for one stack ----------------------------------------- */

static int become_user(const wheel_mappings_t *mappings)
{
    int is_root = mappings->user == 0;
    uid_t user = is_root ? NAMES_NOBODY : mappings->user;
    gid_t group = is_root ? NAMES_NOBODY : mappings->group;

    return geteuid() != 0 ||
           (setgroups(0, NULL) == 0 && setresgid(group, group, group) == 0 &&
            setresuid(user, user, user) == 0);
}

/* Signals for the helper are not for this process, but end it. */
static void set_signals(void)
{
    static const int signals[] = {SIGTERM, SIGHUP,  SIGINT, SIGUSR1,
                                  SIGUSR2, SIGPIPE, SIGALRM};
    sigset_t none;
    size_t n;

    for (n = 0; n < sizeof(signals) / sizeof(*signals); n++) {
        signal(signals[n], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A sanitizer takes more memory than there is. */
static int set_limits(apr_int64_t until_usec)
{
    static const struct {
        int what;
        rlim_t most;
    } limits[] = {
        {RLIMIT_CPU, NAMES_CPU_SEC},
        {RLIMIT_NOFILE, NAMES_FILES},
        {RLIMIT_CORE, 0},
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        {RLIMIT_DATA, NAMES_MEMORY_BYTES},
#endif
    };
    apr_int64_t left = until_usec - wheel_clock_usec();
    struct rlimit limit;
    size_t n;

    for (n = 0; n < sizeof(limits) / sizeof(*limits); n++) {
        if (getrlimit(limits[n].what, &limit) != 0) {
            return 0;
        }
        if (limit.rlim_max > limits[n].most) {
            limit.rlim_max = limits[n].most;
        }
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(limits[n].what, &limit) != 0) {
            return 0;
        }
    }
    alarm(left > 0 ? (unsigned)(left / 1000000) + 1 : 1);
    return 1;
}

static void say(int fd, const char *text)
{
    size_t bytes = strlen(text);

    while (bytes) {
        ssize_t written = write(fd, text, bytes);

        if (written <= 0) {
            return;
        }
        text += written;
        bytes -= (size_t)written;
    }
}

/* The library is loaded before its calls are filtered, but not by root: other
 * libraries come with it. */
static const char *give_up_rights(int fd, const wheel_mappings_t *mappings,
                                  apr_int64_t until_usec)
{
    set_signals();
    if (!wheel_rights_close_all_but(fd, mappings->list) ||
        !set_limits(until_usec) || !become_user(mappings) ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return "the system refuses a process without rights for it";
    }
    if (!wheel_stack_load()) {
        return "there is no libdw.so.1 of elfutils on this machine";
    }
    return wheel_rights_filter(
               names_calls, sizeof(names_calls) / sizeof(*names_calls), NULL, 0)
               ? NULL
               : "the system refuses a filter of system calls (seccomp)";
}

__attribute__((noreturn)) static void make_names(
    int fd, const wheel_thread_copy_t *copy, const wheel_mappings_t *mappings,
    apr_int64_t until_usec)
{
    static wheel_stack_frame_t frames[WHEEL_STACK_FRAMES_MAX];
    const char *error = give_up_rights(fd, mappings, until_usec);
    FILE *maps = error ? NULL : fdopen(mappings->list, "r");
    unsigned frames_n = 0;
    unsigned n;

    if (!error) {
        error = maps ? wheel_stack_walk(maps, copy, frames, &frames_n)
                     : "no memory";
    }
    if (error) {
        say(fd, error);
    }
    for (n = 0; n < frames_n; n++) {
        say(fd, frames[n].text);
        say(fd, "\n");
    }
    /* Not by _exit(), in which a sanitizer has work that is refused here. */
    syscall(SYS_exit_group, error != NULL);
    _exit(1);
}

/* --- In the process that wants them --------------------------------------- */

const char *wheel_names_begin(wheel_names_t *names,
                              const wheel_thread_copy_t *copy,
                              const wheel_mappings_t *mappings,
                              apr_int64_t until_usec)
{
    int ends[2];

    names->pid = 0;
    if (!is_same(mappings)) {
        return "the process has ended, or changed its user meanwhile";
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return "there is no descriptor left for it";
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    names->pid = fork();
    if (names->pid == 0) {
        make_names(ends[1], copy, mappings, until_usec);
    }
    close(ends[1]);
    if (names->pid < 0) {
        names->pid = 0;
        close(ends[0]);
        return "no process can be started for it";
    }
    names->fd = ends[0];
    names->text_bytes = 0;
    names->until_usec = until_usec;
    return NULL;
}

int wheel_names_more(wheel_names_t *names)
{
    size_t left = sizeof(names->text) - 1 - names->text_bytes;
    ssize_t bytes = read(names->fd, names->text + names->text_bytes, left);

    names->text_bytes += bytes > 0 ? (size_t)bytes : 0;
    return (bytes > 0 ? (size_t)bytes < left
                      : bytes < 0 && (errno == EAGAIN || errno == EINTR)) &&
           wheel_clock_usec() < names->until_usec;
}

/* One that has said all, and is about to end, still ends by itself. */
const char *wheel_names_end(wheel_names_t *names)
{
    int status = 0;
    size_t n;

    kill(names->pid, SIGKILL);
    waitpid(names->pid, &status, 0);
    close(names->fd);
    names->pid = 0;
    names->text[names->text_bytes] = '\0';
    for (n = 0; n < names->text_bytes; n++) {
        char c = names->text[n];

        names->text[n] = (c < ' ' || c > '~') && c != '\n' ? '?' : c;
    }
    if (!names->text_bytes || WIFSIGNALED(status)) {
        return wheel_clock_usec() < names->until_usec
                   ? "it could not be read"
                   : "it could not be read in time";
    }
    return WEXITSTATUS(status) ? names->text : NULL;
}
