/* SPDX-License-Identifier: Apache-2.0 */
/* held_test.h: a process that is held by the kernel on its way into another
 * program: that closes a file, and the file's server doesn't answer.  A dead
 * file server on the network does the same.  Some files of /proc/PID make
 * whoever reads them wait for as long.
 *
 * The file system is FUSE's, in a mount namespace of the process.  It takes
 * root.
 */
#ifndef HELD_TEST_H
#define HELD_TEST_H

#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define HELD_PLACE "/mnt"
#define HELD_FILE HELD_PLACE "/file"
#define HELD_NODE 2
#define HELD_FILE_BYTES 4096
#define HELD_BYTES (64 * 1024)
#define HELD_MSEC 10
#define HELD_MAX_MSEC 20000

/* What the program is called that it never gets to run. */
#define HELD_PROGRAM "/bin/sleep"

/** It needs root and a device. */
static inline int held_can(void)
{
    return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0;
}

static inline void held_reply(int device, const struct fuse_in_header *to,
                              int error, const void *data, size_t bytes)
{
    char text[sizeof(struct fuse_out_header) + 256];
    struct fuse_out_header out = {(unsigned)(sizeof(out) + bytes), error,
                                  to->unique};

    memcpy(text, &out, sizeof(out));
    if (bytes) {
        memcpy(text + sizeof(out), data, bytes);
    }
    if (write(device, text, out.len) < 0 && errno != ENOENT) {
        _exit(1);
    }
}

static inline struct fuse_attr held_attr(unsigned long node)
{
    struct fuse_attr attr = {.ino = node, .nlink = 1, .size = HELD_FILE_BYTES};

    attr.mode = node == HELD_NODE ? S_IFREG | 0666 : S_IFDIR | 0777;
    return attr;
}

/* One file, which can be opened.  From then on, no question gets an answer. */
static inline void held_answer(int device, const struct fuse_in_header *to)
{
    const struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
                                       .minor = 31};
    const struct fuse_entry_out entry = {.nodeid = HELD_NODE,
                                         .attr = held_attr(HELD_NODE)};
    const struct fuse_attr_out attr = {.attr = held_attr(to->nodeid)};
    const struct fuse_open_out opened = {.fh = 1,
                                         .open_flags = FOPEN_DIRECT_IO};
    static int is_open;

    switch (to->opcode) {
    case FUSE_INIT:
        held_reply(device, to, 0, &init, sizeof(init));
        break;
    case FUSE_LOOKUP:
        held_reply(device, to, 0, &entry, sizeof(entry));
        break;
    case FUSE_GETATTR:
        if (!is_open) {
            held_reply(device, to, 0, &attr, sizeof(attr));
        }
        break;
    case FUSE_OPEN:
        is_open = 1;
        held_reply(device, to, 0, &opened, sizeof(opened));
        break;
    case FUSE_READ:
    case FUSE_FLUSH:
    case FUSE_FORGET:
        break;
    case FUSE_INTERRUPT: /* it is killed, and ends when nobody can answer */
        _exit(0);
    default:
        held_reply(device, to, -ENOSYS, NULL, 0);
        break;
    }
}

static inline void held_serve(int device)
{
    static char question[HELD_BYTES];

    while (read(device, question, sizeof(question)) > 0 || errno == EINTR ||
           errno == ENOENT) {
        held_answer(device, (const struct fuse_in_header *)question);
    }
    _exit(1);
}

/* Become a process of that user, with the file open. */
static inline int held_open(pid_t parent, uid_t user)
{
    int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    pid_t self = getpid();
    char options[128];

    snprintf(options, sizeof(options),
             "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other", device,
             user, user);
    if (device < 0 || unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("held", HELD_PLACE, "fuse", MS_NOSUID | MS_NODEV, options) != 0 ||
        setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) {
        _exit(1);
    }
    if (fork() == 0) {
        end_with_parent(self);
        held_serve(device);
    }
    close(device);
    end_with_parent(parent);
    return open(HELD_FILE, O_RDWR | O_CLOEXEC);
}

static inline void held_run(pid_t parent, uid_t user, char *const *environment)
{
    static char *const arguments[] = {HELD_PROGRAM, "1000", NULL};

    if (held_open(parent, user) >= 0) {
        execve(HELD_PROGRAM, arguments, environment);
    }
    _exit(1);
}

/* Its name and its state.  @return 0 if it has another name */
static inline int read_name(pid_t pid, const char *name, char *state)
{
    char path[64];
    char found[32] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "r");
    assert_non_null(file);
    if (fscanf(file, "Name: %31s Umask: %*s State: %c", found, state) != 2) {
        *state = '\0';
    }
    fclose(file);
    return !strcmp(found, name);
}

/* Does it sleep, in a memory that has no arguments yet? */
static inline int held_is(pid_t pid)
{
    char path[64];
    char state = '\0';
    FILE *file;
    int has_arguments;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    file = fopen(path, "r");
    assert_non_null(file);
    has_arguments = fgetc(file) != EOF;
    fclose(file);
    (void)read_name(pid, "", &state);
    return !has_arguments && (state == 'S' || state == 'D');
}

/**
 * Start one, and wait until it is held.
 * @param environment that it has then
 * @return its pid; end it with kill_child()
 */
static inline pid_t held_start(uid_t user, char *const *environment)
{
    pid_t parent = getpid();
    pid_t pid = start_child();
    int msec = 0;

    if (pid == 0) {
        held_run(parent, user, environment);
    }
    while (!held_is(pid)) {
        assert_true(msec < HELD_MAX_MSEC);
        usleep(HELD_MSEC * 1000);
        msec += HELD_MSEC;
    }
    return pid;
}

#endif /* HELD_TEST_H */
