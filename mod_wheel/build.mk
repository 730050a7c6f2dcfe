# SPDX-License-Identifier: Apache-2.0
# What is built: the modules and wheelctl, into mod_wheel/.libs, and the unit
# programs of the tests, into t/unit/.build.

# --- Sources ------------------------------------------------------------------

# The folders of mod_wheel.so, from the lowest layer to the highest: a file may
# include files of its own folder and of those before it.  Only core/ and spin
# know nothing of httpd.
LAYERS := core server render cluster operations control http requests demo

# $(call names,FILES...): without folder mod_wheel/ and suffix.
names = $(patsubst mod_wheel/%.c,%,$(sort $(wildcard $(1:%=mod_wheel/%))))

PURE_NAMES := $(call names,core/*.c demo/spin.c)
WHEELCTL_NAMES := $(call names,control/wheelctl*.c)
MODULE_NAMES := $(filter-out $(WHEELCTL_NAMES), \
    $(call names,mod_wheel.c $(LAYERS:%=%/*.c)))
# A module of its own, which needs hiredis.
REDIS_NAMES := $(if $(HIREDIS_LIBS),$(call names,redis/*.c))
# Another, which needs the Lua of mod_lua.
LUA_NAMES := $(if $(LUA_LIBS),$(call names,lua/*.c))
ALL_NAMES := $(MODULE_NAMES) $(WHEELCTL_NAMES) $(REDIS_NAMES) $(LUA_NAMES)
MODULES := mod_wheel $(if $(REDIS_NAMES),mod_wheel_redis) \
    $(if $(LUA_NAMES),mod_wheel_lua)

# Unit programs link the parts that know nothing of httpd.  All else builds
# without the folder of the demonstration.
DEMO := $(wildcard mod_wheel/demo/rotate.c)
UNIT_NAMES := $(filter-out $(if $(DEMO),,spin load) \
    $(if $(REDIS_NAMES),,redis_%), \
    $(patsubst t/unit/%.c,%,$(sort $(wildcard t/unit/*.c))))
REDIS_UNITS := $(filter redis_%,$(UNIT_NAMES))

# --- Variants -----------------------------------------------------------------

# A variant is built from the same sources with other flags, into directories of
# its own: make VARIANT=-asan all unit.  A sanitizer's report ends the program.
# _FORTIFY_SOURCE is off: it hides calls from the sanitizers, which check more.
VARIANT ?=
SANITIZE := -O1 -fno-omit-frame-pointer -U_FORTIFY_SOURCE \
    -fno-sanitize-recover=all
flags-asan := $(SANITIZE) -fsanitize=address,undefined
flags-tsan := $(SANITIZE) -fsanitize=thread
# All of the sources, with each #ifdef: make check has its warnings from here.
flags-faults := -DWHEEL_FAULTS -Werror
flags-asan-faults := $(flags-asan) -DWHEEL_FAULTS
flags-check-clang := -fsyntax-only -Werror
variant_flags := $(flags$(VARIANT))

libs := mod_wheel/.libs$(VARIANT)
units := t/unit/.build$(VARIANT)
MADE := $(libs)/made
PROGRAMS := $(libs)/wheelctl

# --- Flags --------------------------------------------------------------------

VERSION := $(shell sed -n '1s/.* //p' mod_wheel/CHANGES)
WHEEL_SOCKET ?= $(runtimedir)/wheel.sock
WARNINGS := -Wall -Wextra -Werror=implicit-function-declaration

pure_flags = -std=gnu11 $(HTTPD_CFLAGS) $(WARNINGS) -fvisibility=hidden \
    -fPIC -pthread -Imod_wheel -I$(MADE) $(HTTPD_CPPFLAGS) $(APR_CPPFLAGS)
module_flags = $(pure_flags) $(HTTPD_INCLUDES) $(JANSSON_CFLAGS) \
    $(HIREDIS_CFLAGS) $(LUA_CFLAGS) $(SECCOMP_CFLAGS) $(DW_CFLAGS) \
    $(if $(DEMO),-DWHEEL_DEMO) \
    -DWHEEL_VERSION='"$(VERSION)"' -DWHEEL_SOCKET='"$(WHEEL_SOCKET)"'
compile = $(CC) $(module_flags) $(variant_flags) $(CFLAGS) -MMD -MP
# A check of syntax makes no object.
touch = $(if $(filter -fsyntax-only,$(variant_flags)),$(Q)touch $@)
link = $(CC) $(variant_flags) -pthread -Wl,--as-needed -Wl,-z,relro -Wl,-z,now \
    $(LDFLAGS) -o $@ $(filter %.o,$^)

# --- Rules --------------------------------------------------------------------

all: $(MODULES:%=$(libs)/%.so) $(PROGRAMS) | mod_wheel/.run
objects: $(ALL_NAMES:%=$(libs)/%.o) $(UNIT_NAMES:%=$(units)/%.o)
unit: $(UNIT_NAMES:%=$(units)/%)
.PHONY: all objects unit

# The directory for pid and logs of conf/httpd.conf, when started by hand.
mod_wheel/.run:
	$(Q)mkdir -p $@

# Lists of all members of what is in shared memory, for core/*_layout.c.
table_headers := $(patsubst %,mod_wheel/%.h, \
    core/table_private core/table mod_wheel)
table_types := wheel_table_t,table_header_t,table_slot_t,wheel_refusal_e
request_headers := $(patsubst %,mod_wheel/core/%.h, \
    request_private request_slots request_where)
request_types := wheel_request_slots_t,wheel_request_facts_t,wheel_mark_e
request_types := $(request_types),wheel_doing_e,wheel_kind_e,wheel_step_e
request_types := $(request_types),wheel_action_e,wheel_request_where_t

$(MADE)/core/table_members.h: $(table_headers)
$(MADE)/core/request_members.h: $(request_headers)
$(MADE)/core/%_members.h: mod_wheel/core/list-members mod_wheel/build.mk
	$(call say,LIST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PERL) $< $($*_types) $($*_headers) >$@

layouts := $(libs)/core/table_layout.o $(libs)/core/request_layout.o
$(layouts): $(libs)/core/%_layout.o: $(MADE)/core/%_members.h

# Objects depend on this file, which is written when the command line changes.
$(libs)/flags: FORCE
	$(Q)mkdir -p $(@D) $(units)
	$(Q)cmp -s $@ <(echo $(compile)) || echo $(compile) >$@

$(libs)/%.o: mod_wheel/%.c $(libs)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) -c -o $@ $<
	$(touch)

$(units)/%.o: t/unit/%.c $(libs)/flags
	$(call say,CC,$@)
	$(Q)$(compile) $(CMOCKA_CFLAGS) -c -o $@ $<
	$(touch)

$(MODULES:%=$(libs)/%.so):
	$(call say,LINK,$@)
	$(Q)$(link) -shared $(libraries)

$(PROGRAMS) $(UNIT_NAMES:%=$(units)/%):
	$(call say,LINK,$@)
	$(Q)$(link) $(libraries) $(APR_LIBS)

$(libs)/mod_wheel.so: $(MODULE_NAMES:%=$(libs)/%.o)
$(libs)/mod_wheel.so: libraries = $(JANSSON_LIBS) $(SECCOMP_LIBS)
$(libs)/mod_wheel_redis.so: $(REDIS_NAMES:%=$(libs)/%.o)
$(libs)/mod_wheel_redis.so: libraries = $(HIREDIS_LIBS) $(JANSSON_LIBS)
$(libs)/mod_wheel_lua.so: $(LUA_NAMES:%=$(libs)/%.o)
$(libs)/mod_wheel_lua.so: libraries = $(LUA_LIBS)
$(libs)/wheelctl: $(patsubst %,$(libs)/%.o, \
    $(WHEELCTL_NAMES) $(filter core/%,$(PURE_NAMES)))
$(libs)/wheelctl: libraries = $(JANSSON_LIBS) $(SECCOMP_LIBS) -ldl
$(UNIT_NAMES:%=$(units)/%): $(units)/%: $(units)/%.o \
    $(PURE_NAMES:%=$(libs)/%.o)
$(UNIT_NAMES:%=$(units)/%): libraries = $(CMOCKA_LIBS) $(SECCOMP_LIBS)
$(units)/privileged $(units)/privileged_cool $(units)/privileged_held: \
    $(patsubst %,$(libs)/server/privileged_%.o,process cool held rights)
$(REDIS_UNITS:%=$(units)/%): $(patsubst %,$(libs)/%.o, \
    $(filter-out %/mod_wheel_redis,$(REDIS_NAMES)))
$(REDIS_UNITS:%=$(units)/%): libraries = $(CMOCKA_LIBS) $(HIREDIS_LIBS) \
    $(JANSSON_LIBS) $(SECCOMP_LIBS)

# Keep objects that are only named by a chain of pattern rules.
.SECONDARY:
-include $(ALL_NAMES:%=$(libs)/%.d) $(UNIT_NAMES:%=$(units)/%.d)
