/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl_stack.c: the native stack of a thread, by elfutils' libdw.
 *
 * Runs in wheelctl alone.  libdw reads the memory of a process that may be
 * hostile; it never runs in the server.
 */
#include "control/wheelctl_stack.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <string.h>

typedef struct walk_t {
    Dwfl *dwfl;
    wheel_stack_frame_t *frames;
    unsigned frames_n;
} walk_t;

/* Files of debug information that are not on this machine are not looked for
 * elsewhere. */
static char no_path[] = "";
static char *debug_path = no_path;

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debug_path,
};

static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The place of an instruction, as well as it is known. */
static void describe(Dwfl *dwfl, Dwarf_Addr pc, wheel_stack_frame_t *frame)
{
    Dwfl_Module *module = dwfl_addrmodule(dwfl, pc);
    Dwfl_Line *line = module ? dwfl_module_getsrc(module, pc) : NULL;
    const char *symbol = module ? dwfl_module_addrname(module, pc) : NULL;
    const char *file = NULL;
    const char *where = NULL;
    int number = 0;

    if (line) {
        file = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
    }
    if (module) {
        where =
            dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    }
    if (file) {
        snprintf(frame->text, sizeof(frame->text), "%.128s (%.100s:%d)",
                 symbol ? symbol : "?", base_name(file), number);
    }
    else {
        snprintf(frame->text, sizeof(frame->text), "%.128s (%.100s)",
                 symbol ? symbol : "?", where ? base_name(where) : "unknown");
    }
    make_printable(frame->text);
}

static int add_frame(Dwfl_Frame *state, void *data)
{
    walk_t *walk = data;
    bool activation;
    Dwarf_Addr pc;

    if (walk->frames_n == WHEEL_STACK_FRAMES_MAX ||
        !dwfl_frame_pc(state, &pc, &activation)) {
        return DWARF_CB_ABORT;
    }
    /* But for the innermost, pc is behind the call, perhaps of a function that
     * never returns and ends there. */
    describe(walk->dwfl, pc - !activation, &walk->frames[walk->frames_n++]);
    return DWARF_CB_OK;
}

static const char *walk_thread(walk_t *walk, pid_t pid, pid_t tid)
{
    if (dwfl_linux_proc_report(walk->dwfl, pid) != 0 ||
        dwfl_report_end(walk->dwfl, NULL, NULL) != 0) {
        return "the mappings of the process can't be read";
    }
    if (dwfl_linux_proc_attach(walk->dwfl, pid, false) != 0) {
        return "the process can't be traced";
    }
    dwfl_getthread_frames(walk->dwfl, tid, add_frame, walk);
    return walk->frames_n ? NULL
                          : "the thread can't be traced, or has ended: this "
                            "needs root, or CAP_SYS_PTRACE";
}

const char *wheel_stack_read(pid_t pid, pid_t tid, wheel_stack_frame_t *frames,
                             unsigned *frames_n)
{
    walk_t walk = {dwfl_begin(&callbacks), frames, 0};
    const char *error;

    *frames_n = 0;
    if (!walk.dwfl) {
        return "libdw can't be used";
    }
    error = walk_thread(&walk, pid, tid);
    dwfl_end(walk.dwfl);
    *frames_n = walk.frames_n;
    return error;
}
