/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_stack.c: the functions of a copied stack, by elfutils' libdw.
 *
 * The thread that was copied runs on meanwhile: nothing of its process is read
 * but its mappings.  Runs in the process of core/thread_names.c.
 */
#include "core/thread_stack.h"

#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STACK_LIBRARY "libdw.so.1"

#if defined(__aarch64__)
#define STACK_SP_REGISTER 31
#else
#define STACK_SP_REGISTER 7
#endif

/* What is used of libdw.  Only who looks at a stack has to have it. */
#define STACK_FUNCTIONS(f)                                             \
    f(dwfl_addrmodule) f(dwfl_attach_state) f(dwfl_begin)              \
        f(dwfl_build_id_find_debuginfo) f(dwfl_frame_pc)               \
            f(dwfl_getthread_frames) f(dwfl_lineinfo)                  \
                f(dwfl_linux_proc_maps_report) f(dwfl_module_addrinfo) \
                    f(dwfl_module_getsrc) f(dwfl_module_info)          \
                        f(dwfl_report_elf) f(dwfl_report_end)          \
                            f(dwfl_thread_state_register_pc)           \
                                f(dwfl_thread_state_registers)

#define STACK_MEMBER(name) __typeof__(name) *name;

static struct {
    STACK_FUNCTIONS(STACK_MEMBER)
} dw;

typedef struct wheel_stack_t {
    Dwfl *dwfl;
    const wheel_thread_copy_t *copy;
    wheel_stack_frame_t *frames;
    unsigned frames_n;
} wheel_stack_t;

/* --- libdw ---------------------------------------------------------------- */

/* Without the variable, it doesn't load its client for servers of debug
 * information. */
int wheel_stack_load(void)
{
    void *library;
    int loaded;

    unsetenv("DEBUGINFOD_URLS");
    library = dlopen(STACK_LIBRARY, RTLD_NOW);
    loaded = library != NULL;
#define STACK_LOAD(name)                                                  \
    dw.name = library ? (__typeof__(name) *)dlsym(library, #name) : NULL; \
    loaded = loaded && dw.name;
    STACK_FUNCTIONS(STACK_LOAD)
    return loaded;
}

/* A name in a list of mappings is a text that the process which is examined
 * has chosen.  What has that name by now may be a FIFO, or a device. */
static int find_file(Dwfl_Module *module, void **data, const char *name,
                     Dwarf_Addr base, char **file_name, Elf **elf)
{
    struct stat info;
    int fd = *name == '/'
                 ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                 : -1;

    (void)module;
    (void)data;
    (void)base;
    (void)elf;
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
        close(fd);
        return -1;
    }
    if (fd >= 0) {
        *file_name = strdup(name);
    }
    return fd;
}

/* --- The copy ------------------------------------------------------------- */

/* There is one thread. */
static pid_t next_thread(Dwfl *dwfl, void *stack, void **place)
{
    (void)dwfl;
    if (*place) {
        return 0;
    }
    *place = stack;
    return 1;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *stack, void **place)
{
    (void)dwfl;
    (void)tid;
    *place = stack;
    return true;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *word, void *arg)
{
    const wheel_stack_t *stack = arg;
    apr_uint64_t offset = at - stack->copy->sp;

    (void)dwfl;
    if (offset > sizeof(stack->copy->stack) ||
        offset + sizeof(*word) > stack->copy->stack_bytes) {
        return false;
    }
    memcpy(word, stack->copy->stack + offset, sizeof(*word));
    return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
    const wheel_thread_copy_t *copy = ((wheel_stack_t *)arg)->copy;
    Dwarf_Word registers[WHEEL_COPY_REGISTERS];
    unsigned n;

    dw.dwfl_thread_state_register_pc(thread, copy->pc);
    if (!copy->registers_n || copy->registers_n > WHEEL_COPY_REGISTERS) {
        registers[0] = copy->sp;
        return dw.dwfl_thread_state_registers(thread, STACK_SP_REGISTER, 1,
                                              registers);
    }
    for (n = 0; n < copy->registers_n; n++) {
        registers[n] = copy->registers[n];
    }
    return dw.dwfl_thread_state_registers(thread, 0, copy->registers_n,
                                          registers);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

/* --- Frames --------------------------------------------------------------- */

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

/* The place of an instruction, as well as it is known.  Files without symbols
 * of their own show what they export: then a static function is "?". */
static void describe(Dwfl *dwfl, Dwarf_Addr pc, wheel_stack_frame_t *frame)
{
    Dwfl_Module *module = dw.dwfl_addrmodule(dwfl, pc);
    Dwfl_Line *line = module ? dw.dwfl_module_getsrc(module, pc) : NULL;
    const char *symbol = NULL;
    const char *file = NULL;
    const char *where = NULL;
    Dwarf_Addr base = 0;
    int number = 0;

    if (line) {
        file = dw.dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
    }
    if (module) {
        GElf_Off offset = 0;
        GElf_Sym sym;

        symbol = dw.dwfl_module_addrinfo(module, pc, &offset, &sym, NULL, NULL,
                                         NULL);
        where = dw.dwfl_module_info(module, NULL, &base, NULL, NULL, NULL, NULL,
                                    NULL);
    }
    if (file) {
        snprintf(frame->text, sizeof(frame->text), "%.128s (%.100s:%d)",
                 symbol ? symbol : "?", base_name(file), number);
    }
    else if (symbol) {
        snprintf(frame->text, sizeof(frame->text), "%.128s (%.100s)", symbol,
                 base_name(where));
    }
    else {
        snprintf(frame->text, sizeof(frame->text), "? (%.100s+0x%llx)",
                 where ? base_name(where) : "unknown",
                 (unsigned long long)(pc - base));
    }
    make_printable(frame->text);
}

static int add_frame(Dwfl_Frame *state, void *arg)
{
    wheel_stack_t *stack = arg;
    bool activation;
    Dwarf_Addr pc;

    if (stack->frames_n == WHEEL_STACK_FRAMES_MAX ||
        !dw.dwfl_frame_pc(state, &pc, &activation)) {
        return DWARF_CB_ABORT;
    }
    /* But for the innermost, pc is behind the call, perhaps of a function that
     * never returns and ends there. */
    describe(stack->dwfl, pc - !activation, &stack->frames[stack->frames_n++]);
    return DWARF_CB_OK;
}

/* --- Walk ----------------------------------------------------------------- */

/* Where a list of mappings has the kernel's own module, by which the time is
 * read.  @return 0 for none */
static GElf_Addr vdso_of(FILE *maps)
{
    unsigned long long at = 0;
    char *line = NULL;
    size_t bytes = 0;

    rewind(maps);
    while (!at && getline(&line, &bytes, maps) > 0) {
        if (strstr(line, " [vdso]\n")) {
            at = strtoull(line, NULL, 16);
        }
    }
    free(line);
    return at;
}

/* It is no file, and the same in all processes. */
static void report_vdso(Dwfl *dwfl, GElf_Addr at)
{
    const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
    const ElfW(Ehdr) *header = (const void *)image;
    int fd = at && image ? memfd_create("vdso", MFD_CLOEXEC) : -1;
    size_t bytes;

    if (fd < 0) {
        return;
    }
    bytes = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
    if (write(fd, image, bytes) != (ssize_t)bytes ||
        !dw.dwfl_report_elf(dwfl, "[vdso]", "[vdso]", fd, at, false)) {
        close(fd);
    }
}

/* Debug information of a file is found by its build id alone, in
 * /usr/lib/debug: no name in the file leads anywhere. */
static Dwfl *report(FILE *maps)
{
    static Dwfl_Callbacks callbacks;
    Dwfl *dwfl;

    callbacks.find_elf = find_file;
    callbacks.find_debuginfo = dw.dwfl_build_id_find_debuginfo;
    dwfl = dw.dwfl_begin(&callbacks);
    if (!dwfl || dw.dwfl_linux_proc_maps_report(dwfl, maps) != 0) {
        return NULL;
    }
    report_vdso(dwfl, vdso_of(maps));
    return dw.dwfl_report_end(dwfl, NULL, NULL) == 0 ? dwfl : NULL;
}

const char *wheel_stack_walk(FILE *maps, const wheel_thread_copy_t *copy,
                             wheel_stack_frame_t *frames, unsigned *frames_n)
{
    wheel_stack_t stack = {report(maps), copy, frames, 0};

    if (!stack.dwfl) {
        return "the mappings of the process can't be read";
    }
    if (dw.dwfl_attach_state(stack.dwfl, NULL, 1, &thread_callbacks, &stack)) {
        dw.dwfl_getthread_frames(stack.dwfl, 1, add_frame, &stack);
    }
    *frames_n = stack.frames_n;
    return stack.frames_n ? NULL : "the stack can't be read";
}
