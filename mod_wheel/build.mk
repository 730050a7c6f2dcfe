# SPDX-License-Identifier: Apache-2.0
# What is built: the modules and wheelctl, into mod_wheel/.libs.

# The folders of mod_wheel.so, from the lowest layer to the highest: a file may
# include files of its own folder and of those before it.  Only core/ and spin
# know nothing of httpd.
LAYERS := core server render cluster operations control http requests demo

PURE_NAMES := $(patsubst mod_wheel/%.c,%,$(sort $(wildcard \
    mod_wheel/core/*.c mod_wheel/demo/spin.c)))
CORE_NAMES := $(filter core/%,$(PURE_NAMES))
# Programs of the tests that link the parts which know nothing of httpd.
UNIT_NAMES := $(patsubst t/unit/%.c,%,$(sort $(wildcard t/unit/*.c)))
# Of these, the tests of the demonstration.
DEMO_UNITS := spin load
ifeq ($(wildcard mod_wheel/demo/spin.c),)
UNIT_NAMES := $(filter-out $(DEMO_UNITS),$(UNIT_NAMES))
endif
unit_flags = $(pure_flags) $(CMOCKA_CFLAGS)
PROGRAM_NAMES := control/wheelctl
MODULE_NAMES := $(filter-out $(PROGRAM_NAMES),$(patsubst mod_wheel/%.c,%, \
    mod_wheel/mod_wheel.c $(sort $(wildcard $(LAYERS:%=mod_wheel/%/*.c)))))

# A module of its own, which needs hiredis.
REDIS_NAMES := $(patsubst mod_wheel/%.c,%, \
    $(sort $(wildcard mod_wheel/redis/*.c)))
ifneq ($(HIREDIS_LIBS),)
REDIS_MODULE := mod_wheel_redis
endif

# The demonstration may be left out: all else builds without its folder.
DEMO_FLAGS := $(if $(wildcard mod_wheel/demo/rotate.c),-DWHEEL_DEMO)

MODULES := mod_wheel $(REDIS_MODULE)
PROGRAMS := mod_wheel/.libs/wheelctl

WARNINGS := -Wall -Wextra -Werror=implicit-function-declaration
pure_flags = -std=gnu11 $(HTTPD_CFLAGS) $(WARNINGS) -fvisibility=hidden \
    -fPIC -pthread -Imod_wheel -I$(MADE) $(HTTPD_CPPFLAGS) $(APR_CPPFLAGS)
module_flags = $(pure_flags) $(HTTPD_INCLUDES) $(JANSSON_CFLAGS) \
    $(HIREDIS_CFLAGS) $(DEMO_FLAGS)
LINK_FLAGS := -pthread -Wl,--as-needed -Wl,-z,relro -Wl,-z,now

VERSION := $(shell sed -n '1s/.* //p' mod_wheel/CHANGES)
WHEEL_SOCKET ?= $(runtimedir)/wheel.sock
wheelctl_flags = -DWHEEL_VERSION='"$(VERSION)"' \
    -DWHEEL_SOCKET='"$(WHEEL_SOCKET)"'

all: $(MODULES:%=mod_wheel/.libs/%.so) $(PROGRAMS) | mod_wheel/.run

# What core/table_layout.c is made of.
MADE := mod_wheel/.libs/made
LAYOUT_HEADERS := mod_wheel/core/table_private.h mod_wheel/core/table.h \
    mod_wheel/mod_wheel.h

$(MADE)/core/table_members.h: $(LAYOUT_HEADERS) mod_wheel/core/list-members
	$(call say,LIST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PERL) mod_wheel/core/list-members \
	    wheel_table_t,table_header_t,table_slot_t,wheel_refusal_e \
	    $(LAYOUT_HEADERS) >$@

# Where conf/httpd.conf, started by hand, keeps its pid and logs.
mod_wheel/.run:
	$(Q)mkdir -p $@

# $(call variant,SUFFIX,COMPILER,FLAGS): the module in mod_wheel/.libsSUFFIX
# and the unit programs in t/unit/.buildSUFFIX.  Objects depend on a file that
# holds the command line and is written when that changes.
define variant
mod_wheel/.libs$(1)/flags t/unit/.build$(1)/flags: FORCE
	$$(Q)mkdir -p $$(@D)
	$$(Q)cmp -s $$@ <(echo '$(2) $$(module_flags) $(3)') || \
	    echo '$(2) $$(module_flags) $(3)' >$$@

$$(PURE_NAMES:%=mod_wheel/.libs$(1)/%.o): mod_wheel/.libs$(1)/%.o: \
    mod_wheel/%.c mod_wheel/.libs$(1)/flags
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(2) $$(pure_flags) $(3) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

mod_wheel/.libs$(1)/control/wheelctl.o: mod_wheel/control/wheelctl.c \
    mod_wheel/CHANGES mod_wheel/.libs$(1)/flags
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(2) $$(pure_flags) $$(JANSSON_CFLAGS) $$(wheelctl_flags) $(3) \
	    $$(CFLAGS) -MMD -MP -c -o $$@ $$<

mod_wheel/.libs$(1)/%.o: mod_wheel/%.c mod_wheel/.libs$(1)/flags
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(2) $$(module_flags) $(3) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

mod_wheel/.libs$(1)/mod_wheel.so: $$(MODULE_NAMES:%=mod_wheel/.libs$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$(2) -shared $(3) $$(LINK_FLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $$(JANSSON_LIBS)

mod_wheel/.libs$(1)/mod_wheel_redis.so: \
    $$(REDIS_NAMES:%=mod_wheel/.libs$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$(2) -shared $(3) $$(LINK_FLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $$(HIREDIS_LIBS) $$(JANSSON_LIBS)

mod_wheel/.libs$(1)/wheelctl: mod_wheel/.libs$(1)/control/wheelctl.o \
    $$(CORE_NAMES:%=mod_wheel/.libs$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$(2) $(3) $$(LINK_FLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $$(APR_LIBS) $$(JANSSON_LIBS)

t/unit/.build$(1)/%.o: t/unit/%.c t/unit/.build$(1)/flags
	$$(call say,CC,$$@)
	$$(Q)$(2) $$(unit_flags) $(3) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

$$(UNIT_NAMES:%=t/unit/.build$(1)/%): t/unit/.build$(1)/%: \
    t/unit/.build$(1)/%.o $$(PURE_NAMES:%=mod_wheel/.libs$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$(2) $(3) $$(LINK_FLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $$(CMOCKA_LIBS) $$(APR_LIBS)

unit$(1): $$(UNIT_NAMES:%=t/unit/.build$(1)/%)
.PHONY: unit$(1)

mod_wheel/.libs$(1)/core/table_layout.o: $(MADE)/core/table_members.h

-include $$(MODULE_NAMES:%=mod_wheel/.libs$(1)/%.d)
-include $$(PROGRAM_NAMES:%=mod_wheel/.libs$(1)/%.d)
-include $$(REDIS_NAMES:%=mod_wheel/.libs$(1)/%.d)
-include $$(UNIT_NAMES:%=t/unit/.build$(1)/%.d)
endef

# A sanitizer's report is a failure, so none is survived; and they check more
# than _FORTIFY_SOURCE, which hides calls from them.
SANITIZE := -O1 -fno-omit-frame-pointer -U_FORTIFY_SOURCE \
    -fno-sanitize-recover=all

$(eval $(call variant,,$$(CC),))
$(eval $(call variant,-asan,$$(CC),$(SANITIZE) \
    -fsanitize=address -fsanitize=undefined))
$(eval $(call variant,-tsan,$$(CC),$(SANITIZE) -fsanitize=thread))
$(eval $(call variant,-faults,$$(CC),-DWHEEL_FAULTS))
$(eval $(call variant,-asan-faults,$$(CC),$(SANITIZE) \
    -fsanitize=address -fsanitize=undefined -DWHEEL_FAULTS))
$(eval $(call variant,-gcc,gcc,-Werror))
$(eval $(call variant,-clang,$$(CLANG),-Werror))
$(eval $(call variant,-portable,$$(CC),-Werror -DWHEEL_PORTABLE))
$(eval $(call variant,-check-cc,$$(CC),-Werror))
$(eval $(call variant,-check-clang,$$(CLANG),-Werror))

# Objects that only a chain of pattern rules names are kept.
.SECONDARY:
