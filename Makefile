# Makefile of mod_wheel: build, install, check, test.
#
#   make              the module, mod_wheel/.libs/mod_wheel.so
#   make install      into the httpd that apxs belongs to (DESTDIR works)
#   make uninstall
#   make deb          Debian packages, in DEB_DIR=mod_wheel/.deb
#   make deb-check    installs, uses and purges them in a clean Debian
#   make check        format, warnings, lint, layers, exports
#   make unit         the programs of t/unit
#   make tests        what the tests need
#   make test         all of it, and the tests
#   make test-asan    the tests, with the module built for ASan and UBSan;
#                     TESTS='FILE...' for some of them, TEST_FLAGS=--mpm=...
#   make test-tsan    the unit programs, built for TSan
#   make test-helgrind   the module in httpd, under valgrind's helgrind
#   make soak         every fault at random, MINUTES=10 for each MPM
#   make cluster-soak STOPS=1000 while hosts, links and Redis come and go
#   make soak-asan    the same with ASan and UBSan
#   make asan faults  the module, and the unit programs, built another way,
#   make tsan         into .libs-NAME and t/unit/.build-NAME (tsan: the unit
#                     programs alone, since httpd itself is not built for it)
#   make fuzz         libFuzzer over what reads requests, for SECONDS=300
#   make bench        mod_wheel beside what one would run otherwise: takes half
#                     an hour; ROUNDS=5
#   make bench-quick  mod_wheel alone, in under two minutes
#   make contract     the tests of what every build promises, with this APXS=
#   make matrix       the same and the unit programs, built by gcc, by clang
#                     and without what only Linux has; MPMS=event for one MPM;
#                     make matrix-portable for one of these builds
#   make clean
#
# Everything that depends on the machine is asked of apxs, apr-1-config,
# apu-1-config and pkg-config.  Set APXS= to build for another httpd, CC= for
# another compiler, V=1 to see the commands.

# Recipes use pipes: let a failure anywhere in one be a failure.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# --- what the machine says --------------------------------------------------

APXS ?= $(firstword $(shell command -v apxs apxs2))
PKG_CONFIG ?= pkg-config

# clean must work on a machine that has nothing.
ifneq ($(if $(MAKECMDGOALS),$(filter-out clean,$(MAKECMDGOALS)),all),)
ifeq ($(APXS),)
$(error apxs not found: install apache2-dev (httpd-devel) or set APXS=)
endif
ifneq ($(shell $(PKG_CONFIG) --exists jansson && echo yes),yes)
$(error jansson not found by $(PKG_CONFIG): install libjansson-dev)
endif

ifeq ($(origin CC),default)
CC := $(shell $(APXS) -q CC)
endif
APR_CONFIG := $(shell $(APXS) -q APR_CONFIG)
APU_CONFIG := $(shell $(APXS) -q APU_CONFIG)
LIBEXECDIR ?= $(shell $(APXS) -q LIBEXECDIR)
INCLUDEDIR ?= $(shell $(APXS) -q INCLUDEDIR)
HTTPD ?= $(shell $(APXS) -q SBINDIR)/$(shell $(APXS) -q PROGNAME)
SBINDIR ?= $(shell $(APXS) -q SBINDIR)
SYSCONFDIR ?= $(shell $(APXS) -q SYSCONFDIR)
mandir ?= $(shell $(APXS) -q mandir)
docdir ?= $(patsubst %/,%,$(dir $(mandir)))/doc/mod_wheel
datadir ?= $(shell $(APXS) -q datadir)
runtimedir ?= $(shell $(APXS) -q runtimedir)
HTTPD_INCLUDES := -I$(shell $(APXS) -q INCLUDEDIR)
HTTPD_CPPFLAGS := $(shell $(APXS) -q CPPFLAGS)
HTTPD_CFLAGS := $(shell $(APXS) -q CFLAGS)
APR_CPPFLAGS := $(shell $(APR_CONFIG) --cppflags --includes)
APR_LIBS := $(shell $(APU_CONFIG) --link-ld) $(shell $(APR_CONFIG) --link-ld)
JANSSON_CFLAGS := $(shell $(PKG_CONFIG) --cflags jansson)
JANSSON_LIBS := $(shell $(PKG_CONFIG) --libs jansson)
HIREDIS_CFLAGS := $(shell $(PKG_CONFIG) --silence-errors --cflags hiredis)
HIREDIS_LIBS := $(shell $(PKG_CONFIG) --silence-errors --libs hiredis)
ifeq ($(HIREDIS_LIBS),)
$(info hiredis not found by $(PKG_CONFIG): no mod_wheel_redis)
endif
# Asked for when a unit program is built: the module needs no cmocka.
CMOCKA_CFLAGS = $(shell $(PKG_CONFIG) --cflags cmocka)
CMOCKA_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)
LIBPNG = $(shell $(PKG_CONFIG) --cflags --libs libpng)
endif

# Only Debian's own httpd has this directory, and a2enmod; empty for all others.
MODS_AVAILABLE ?= $(if $(and $(wildcard /etc/debian_version),$(filter \
    apache2,$(notdir $(HTTPD)))),$(strip $(SYSCONFDIR)/mods-available))

CLANG ?= $(firstword $(shell command -v clang clang-14))
CLANG_FORMAT ?= clang-format
CPPCHECK ?= cppcheck
SHELLCHECK ?= $(shell command -v shellcheck)
MANDOC ?= $(shell command -v mandoc)
PERL ?= perl

# --- sources and flags ------------------------------------------------------

# A module of its own, which needs hiredis.
REDIS_NAMES := mod_wheel_redis wheel_redis
ifneq ($(HIREDIS_LIBS),)
REDIS_MODULE := mod_wheel_redis
endif

MODULE_NAMES := $(filter-out $(REDIS_NAMES),$(patsubst mod_wheel/%.c,%,$(sort \
    $(wildcard mod_wheel/mod_wheel.c mod_wheel/wheel_*.c))))
USER_NAMES := $(basename $(notdir $(sort $(wildcard t/c-modules/*.c*))))
UNIT_NAMES := $(patsubst t/unit/%.c,%,$(sort $(wildcard t/unit/*.c)))

# These know nothing of httpd, and are compiled without its headers at hand.
PURE_NAMES := wheel_area wheel_filter wheel_linux wheel_parse wheel_proc \
    wheel_spin wheel_table
PURE_FILES := $(wildcard $(patsubst %,mod_wheel/%.[ch],$(PURE_NAMES)) \
    mod_wheel/mod_wheel.h mod_wheel/wheel_provider.h \
    $(if $(REDIS_MODULE),mod_wheel/wheel_redis.[ch]))

# What is built and installed: what else there is to install is added here.  A
# module is mod_wheel/.libs/NAME.so; a man page's suffix is its section.
MODULES := mod_wheel $(REDIS_MODULE)
PROGRAMS := mod_wheel/.libs/wheelctl
HEADERS := mod_wheel/mod_wheel.h
MAN_PAGES := $(wildcard mod_wheel/*.[1-8])
DOCUMENTS := mod_wheel/CHANGES \
    $(wildcard mod_wheel/*.md mod_wheel/*.json mod_wheel/manual/*)
MODS_FILES := $(foreach name,$(MODULES:mod_%=%),$(wildcard \
    conf/$(name).load conf/$(name).conf))

C_FILES := $(sort $(wildcard mod_wheel/*.[ch] t/unit/*.[ch] t/c-modules/*.c \
    t/bench/*.c))
SHELL_FILES := $(wildcard build.sh .ci/run t/*.sh t/*/*.sh t/package/*)

WARNINGS := -Wall -Wextra -Werror=implicit-function-declaration
pure_flags = -std=gnu11 $(HTTPD_CFLAGS) $(WARNINGS) -fvisibility=hidden \
    -fPIC -pthread $(HTTPD_CPPFLAGS) $(APR_CPPFLAGS)
module_flags = $(pure_flags) $(HTTPD_INCLUDES) $(JANSSON_CFLAGS) \
    $(HIREDIS_CFLAGS)
unit_flags = $(pure_flags) -Imod_wheel $(CMOCKA_CFLAGS)
# What wheelctl is made of besides itself, and what it is told.
WHEELCTL_NAMES := wheel_filter wheel_parse wheel_proc
VERSION := $(shell sed -n '1s/.* //p' mod_wheel/CHANGES)
WHEEL_SOCKET ?= $(runtimedir)/wheel.sock
wheelctl_flags = -DWHEEL_VERSION='"$(VERSION)"' \
    -DWHEEL_SOCKET='"$(WHEEL_SOCKET)"'
LINK_FLAGS := -pthread -Wl,--as-needed -Wl,-z,relro -Wl,-z,now

all: $(MODULES:%=mod_wheel/.libs/%.so) $(PROGRAMS) | mod_wheel/.run

# Where conf/httpd.conf, started by hand, keeps its pid and logs.
mod_wheel/.run:
	$(Q)mkdir -p $@

# --- one way to build, and its variants -------------------------------------

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
	$$(Q)$(2) $$(pure_flags) $(3) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

mod_wheel/.libs$(1)/%.o: mod_wheel/%.c mod_wheel/.libs$(1)/flags
	$$(call say,CC,$$@)
	$$(Q)$(2) $$(module_flags) $(3) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

mod_wheel/.libs$(1)/mod_wheel.so: $$(MODULE_NAMES:%=mod_wheel/.libs$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$(2) -shared $(3) $$(LINK_FLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $$(JANSSON_LIBS)

mod_wheel/.libs$(1)/mod_wheel_redis.so: \
    $$(REDIS_NAMES:%=mod_wheel/.libs$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$(2) -shared $(3) $$(LINK_FLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $$(HIREDIS_LIBS)

mod_wheel/.libs$(1)/wheelctl.o: mod_wheel/wheelctl.c mod_wheel/CHANGES \
    mod_wheel/.libs$(1)/flags
	$$(call say,CC,$$@)
	$$(Q)$(2) $$(pure_flags) $$(JANSSON_CFLAGS) $$(wheelctl_flags) $(3) \
	    $$(CFLAGS) -MMD -MP -c -o $$@ $$<

mod_wheel/.libs$(1)/wheelctl: mod_wheel/.libs$(1)/wheelctl.o \
    $$(WHEELCTL_NAMES:%=mod_wheel/.libs$(1)/%.o)
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

-include $$(MODULE_NAMES:%=mod_wheel/.libs$(1)/%.d)
-include mod_wheel/.libs$(1)/wheelctl.d
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

# Modules of somebody else, for the tests: they see mod_wheel.h alone.
user_flags = -fPIC -pthread -Wall -Wextra -Werror -It/c-modules/.include \
    $(HTTPD_CPPFLAGS) $(HTTPD_INCLUDES) $(APR_CPPFLAGS)

t/c-modules/.include/mod_wheel.h: mod_wheel/mod_wheel.h
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

# $(call user_modules,SUFFIX,FLAGS): into t/c-modules/.libsSUFFIX.
define user_modules
t/c-modules/.libs$(1)/%.so: t/c-modules/%.c t/c-modules/.include/mod_wheel.h \
    Makefile
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) -std=gnu11 -O2 -shared $$(user_flags) $(2) -o $$@ $$< \
	    $$(if $$(findstring mandelbrot,$$<),$$(LIBPNG))

t/c-modules/.libs$(1)/%.so: t/c-modules/%.cc t/c-modules/.include/mod_wheel.h \
    Makefile
	$$(call say,CXX,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CXX) -std=c++98 -O2 -shared $$(user_flags) $(2) -o $$@ $$<
endef

$(eval $(call user_modules,,))
$(eval $(call user_modules,-asan,$(SANITIZE) -fsanitize=address,undefined))

# libFuzzer is a part of clang.
t/fuzz/.build/parse: t/fuzz/parse.c mod_wheel/wheel_parse.c \
    mod_wheel/wheel_filter.c $(sort $(wildcard mod_wheel/wheel_render*.c)) \
    $(wildcard mod_wheel/*.h) Makefile
	$(call say,FUZZER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(module_flags) -Imod_wheel $(SANITIZE) \
	    -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c,$^) \
	    $(APR_LIBS) $(JANSSON_LIBS) -lm

# Objects that only a chain of pattern rules names are kept.
.SECONDARY:

asan: $(MODULES:%=mod_wheel/.libs-asan/%.so) mod_wheel/.libs-asan/wheelctl \
    unit-asan $(USER_NAMES:%=t/c-modules/.libs-asan/%.so)
tsan: unit-tsan
faults: mod_wheel/.libs-faults/mod_wheel.so unit-faults

# --- install ----------------------------------------------------------------

www_dir = $(datadir)/mod_wheel/www
put = install -v -D -m 644

# $(call names,FILES): their names, for a list that the shell goes through.
names = $(foreach file,$(1),'$(file)')

# What wheel.conf and wheel.load say of Debian's directories, for this httpd.
localized = sed 's|/usr/lib/apache2/modules|$(LIBEXECDIR)|; \
    s|/usr/share/apache2|$(datadir)|'

install: all
	@for name in $(MODULES); do \
	    $(put) mod_wheel/.libs/$$name.so \
	        "$(DESTDIR)$(LIBEXECDIR)/$$name.so"; \
	done
	@for file in $(call names,$(HEADERS)); do \
	    $(put) "$$file" "$(DESTDIR)$(INCLUDEDIR)/$${file##*/}"; \
	done
	@for file in $(call names,$(PROGRAMS)); do \
	    install -v -D -m 755 "$$file" "$(DESTDIR)$(SBINDIR)/$${file##*/}"; \
	done
	@for file in $(call names,$(MAN_PAGES)); do \
	    $(put) "$$file" \
	        "$(DESTDIR)$(mandir)/man$${file##*.}/$${file##*/}"; \
	done
	@for file in $(call names,$(DOCUMENTS)); do \
	    $(put) "$$file" "$(DESTDIR)$(docdir)/$${file#mod_wheel/}"; \
	done
	@find mod_wheel/www -type f -printf '%P\0' | xargs -0 -I'{}' \
	    $(put) 'mod_wheel/www/{}' '$(DESTDIR)$(www_dir)/{}'
ifneq ($(MODS_AVAILABLE),)
	@install -d '$(DESTDIR)$(MODS_AVAILABLE)'
	@# What an admin has changed stays; ours goes beside it.
	@for file in $(call names,$(MODS_FILES)); do \
	    new=mod_wheel/.libs/$${file##*/}; \
	    $(localized) "$$file" >"$$new"; \
	    to="$(DESTDIR)$(MODS_AVAILABLE)/$${file##*/}"; \
	    if [[ $$file = *.conf && -e $$to ]] && ! cmp -s "$$new" "$$to"; then \
	        echo "$$to differs and stays; the new one is $$to.new"; \
	        to=$$to.new; \
	    fi; \
	    install -v -m 644 "$$new" "$$to"; \
	done
	@echo "Enable it with: a2enmod wheel && service apache2 restart"
else
	@echo "Load it with: LoadModule wheel_module $(LIBEXECDIR)/mod_wheel.so"
	@echo "and include conf/wheel.conf in the server's configuration."
endif

uninstall:
ifneq ($(MODS_AVAILABLE),)
	@# httpd would not start with a link that leads nowhere.
	@for file in $(call names,$(MODS_FILES)); do \
	    link="$(DESTDIR)$(SYSCONFDIR)/mods-enabled/$${file##*/}"; \
	    if [ -L "$$link" ]; then \
	        echo "$$link: run a2dismod first" >&2; \
	        exit 1; \
	    fi; \
	done
	@for file in $(call names,$(MODS_FILES)); do \
	    to="$(DESTDIR)$(MODS_AVAILABLE)/$${file##*/}"; \
	    rm -vf "$$to.new"; \
	    if [[ $$file = *.load ]] || \
	        $(localized) "$$file" | cmp -s - "$$to"; then \
	        rm -vf "$$to"; \
	    elif [ -e "$$to" ]; then \
	        echo "$$to stays: it has been changed"; \
	    fi; \
	done
endif
	@for name in $(MODULES); do \
	    rm -vf "$(DESTDIR)$(LIBEXECDIR)/$$name.so"; \
	done
	@for file in $(call names,$(HEADERS)); do \
	    rm -vf "$(DESTDIR)$(INCLUDEDIR)/$${file##*/}"; \
	done
	@for file in $(call names,$(PROGRAMS)); do \
	    rm -vf "$(DESTDIR)$(SBINDIR)/$${file##*/}"; \
	done
	@for file in $(call names,$(MAN_PAGES)); do \
	    rm -vf "$(DESTDIR)$(mandir)/man$${file##*.}/$${file##*/}"; \
	done
	rm -rf '$(DESTDIR)$(datadir)/mod_wheel' '$(DESTDIR)$(docdir)'

# --- Debian packages --------------------------------------------------------

DEB_DIR ?= mod_wheel/.deb
deb_version = $(shell dpkg-parsechangelog -l conf/debian/changelog \
    -S Version | cut -d- -f1)

# The checkout stays as it is: they are built from a copy of the source, which
# has debian where Debian wants it.  Names with a dot are ours, or built.
deb:
	$(Q)to=$$(mkdir -p '$(DEB_DIR)' && realpath '$(DEB_DIR)'); \
	tmp=$$(mktemp -d); \
	trap 'rm -rf "$$tmp"' EXIT; \
	source=mod-wheel-$(deb_version); \
	mkdir "$$tmp/$$source"; \
	tar -c --exclude='.*' --exclude=node_modules --exclude=t/logs \
	    --exclude=t/htdocs --owner=0 --group=0 --mode=u=rwX,go=rX \
	    mod_wheel conf t Makefile README.md build.sh | \
	    tar -x -C "$$tmp/$$source"; \
	mv "$$tmp/$$source/conf/debian" "$$tmp/debian"; \
	tar -cJf "$$tmp/mod-wheel_$(deb_version).orig.tar.xz" -C "$$tmp" \
	    "$$source"; \
	mv "$$tmp/debian" "$$tmp/$$source/"; \
	(cd "$$tmp/$$source" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
	    dpkg-buildpackage -us -uc); \
	rm -rf "$$to"; \
	mkdir -p "$$to"; \
	find "$$tmp" -maxdepth 1 -type f -exec mv '{}' "$$to/" ';'
	$(Q)ls -l '$(DEB_DIR)'

deb-check: deb
	$(Q)t/package/check '$(DEB_DIR)'
.PHONY: deb deb-check

# --- check ------------------------------------------------------------------

check: check-format check-width check-warnings check-lint check-layers \
    check-header check-exports check-shell check-man

check-format:
	$(call say,CHECK,format)
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

# clang-format leaves long strings and comments alone.
check-width:
	$(call say,CHECK,no line over 80 columns)
	$(Q)! LC_ALL=C.UTF-8 grep -nE '^.{81,}' $(C_FILES) $(SHELL_FILES) \
	    Makefile $(wildcard conf/*.* conf/cluster/* conf/debian/rules)

CHECK_NAMES := $(MODULE_NAMES) wheelctl $(if $(REDIS_MODULE),$(REDIS_NAMES))

check-warnings: $(CHECK_NAMES:%=mod_wheel/.libs-check-cc/%.o) \
    $(UNIT_NAMES:%=t/unit/.build-check-cc/%.o)
ifneq ($(CLANG),)
check-warnings: $(CHECK_NAMES:%=mod_wheel/.libs-check-clang/%.o) \
    $(UNIT_NAMES:%=t/unit/.build-check-clang/%.o)
endif

CPPCHECK_FLAGS := --quiet --std=c11 --error-exitcode=1 --inline-suppr \
    --enable=warning,style,performance,portability -Imod_wheel
# System headers are not given, on purpose: cppcheck knows libc from its own
# library, and macros that it does not know it takes as they stand.
CPPCHECK_FLAGS += --suppress=missingIncludeSystem --suppress=missingInclude
# httpd's style: a function's variables stand at its head.
CPPCHECK_FLAGS += --suppress=variableScope
# What those after Debian 12's find besides: members that another file uses,
# macros that it has no header for, and tastes.
CPPCHECK_LATER := constParameterCallback constParameterPointer \
    constVariablePointer ctunullpointerOutOfMemory knownConditionTrueFalse \
    normalCheckLevelMaxBranches nullPointerOutOfMemory unknownMacro \
    unusedStructMember
cppcheck_later = $(if $(filter-out 2.10%,$(lastword \
    $(shell $(CPPCHECK) --version))),$(CPPCHECK_LATER:%=--suppress=%))

check-lint:
	$(call say,CHECK,cppcheck)
	$(Q)$(CPPCHECK) $(CPPCHECK_FLAGS) $(cppcheck_later) $(C_FILES)

# No httpd header is in the search path here: one that is included is an error.
check-layers:
	$(call say,CHECK,what builds without httpd)
	$(Q)for file in $(PURE_FILES); do \
	    $(CC) $(pure_flags) -Werror -fsyntax-only -x c $$file || exit 1; \
	done

# Whoever includes it may be of any age.
check-header:
	$(call say,CHECK,mod_wheel.h in C and C++)
	$(Q)for std in c99 c11 c2x; do \
	    $(CC) -std=$$std -pedantic $(WARNINGS) -Werror $(APR_CPPFLAGS) \
	        -fsyntax-only -x c mod_wheel/mod_wheel.h || exit 1; \
	done
	$(Q)for std in c++98 c++11 c++20; do \
	    echo '#include "mod_wheel.h"' | $(CXX) -std=$$std -pedantic \
	        -Wall -Wextra -Werror $(APR_CPPFLAGS) -Imod_wheel \
	        -fsyntax-only -x c++ - || exit 1; \
	done

# mod_NAME.so exports NAME_module.
check-exports: $(MODULES:%=mod_wheel/.libs/%.so)
	$(call say,CHECK,one exported symbol)
	$(Q)for file in $^; do \
	    name=$${file##*/mod_}; \
	    names=$$(nm -D --defined-only $$file | awk '{print $$3}'); \
	    if [ "$$names" != "$${name%.so}_module" ]; then \
	        echo "$$file must export one symbol, but exports:" $$names >&2; \
	        exit 1; \
	    fi; \
	done

check-shell:
ifneq ($(SHELLCHECK),)
	$(call say,CHECK,shellcheck)
	$(Q)$(SHELLCHECK) $(SHELL_FILES)
endif

check-man:
ifneq ($(MANDOC),)
	$(call say,CHECK,man pages)
	$(Q)$(MANDOC) -Tlint -Wwarning $(MAN_PAGES)
endif

# --- test -------------------------------------------------------------------

# What the tests need besides their own files.
tests: all unit faults $(USER_NAMES:%=t/c-modules/.libs/%.so) \
    $(if $(CLANG),t/fuzz/.build/parse)

test: tests check
	$(Q)$(PERL) t/run

# httpd itself is built without a sanitizer, so its runtime has to come first.
# Memory that is left when a process ends is no concern of httpd's pools.
mod_wheel/.libs-asan/httpd: Makefile | mod_wheel/.libs-asan/mod_wheel.so
	$(Q)printf '%s\n' '#!/bin/sh' \
	    "export LD_PRELOAD='$$($(CC) -print-file-name=libasan.so)'" \
	    'export ASAN_OPTIONS="detect_leaks=0:$$ASAN_OPTIONS"' \
	    'export UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"' \
	    'exec $(HTTPD) "$$@"' >$@
	$(Q)chmod +x $@

# The page's own tests would run no more of our C.
TESTS ?= $(UNIT_NAMES:%=t/unit/.build-asan/%) $(wildcard t/*.t)

test-asan: asan tests mod_wheel/.libs-asan/httpd
	$(Q)WHEEL_HTTPD="$$PWD/mod_wheel/.libs-asan/httpd" \
	    WHEEL_MODULE=mod_wheel/.libs-asan/mod_wheel.so \
	    WHEEL_UNIT=t/unit/.build-asan \
	    WHEEL_USER_MODULES=t/c-modules/.libs-asan \
	    $(PERL) t/run $(TEST_FLAGS) $(TESTS)

test-tsan: tsan
	$(Q)WHEEL_UNIT=t/unit/.build-tsan $(PERL) t/run \
	    $(UNIT_NAMES:%=t/unit/.build-tsan/%)

test-helgrind: all
	$(Q)for mpm in worker event; do \
	    WHEEL_MPM=$$mpm $(PERL) t/soak/helgrind || exit 1; \
	done

# What a client can rely on, with whatever httpd, compiler and system.
CONTRACT := $(wildcard $(addprefix t/,$(addsuffix .t, \
    an-unused-module-changes-nothing answers-follow-the-contract \
    bad-names-are-not-found bad-parameters-are-named \
    client-that-shuts-its-sending-side-gets-its-number \
    client-that-vanishes-stops-its-wheel connection-lives-on-after-a-rotate \
    directives-are-checked-early json-tells-what-the-headers-tell \
    killed-child-gives-its-slots-back one-stop-ends-every-wheel \
    pipelined-wheels-leave-the-server-stoppable prefer-wait-is-a-deadline \
    restart-can-end-wheels restart-keeps-wheels \
    shutdown-by-term-ends-wheels status-json-fits-its-schema \
    stop-by-filter-spares-other-wheels stop-by-id-spares-other-wheels \
    stop-by-name-spares-other-names stop-does-not-linger \
    stop-dry-stops-nothing \
    stop-with-wait-tells-what-has-ended wheel-max-refuses-more-wheels \
    wheel-reserve-keeps-workers-idle wheel-timeout-caps-deadlines \
    wheels-end-at-their-deadline)))
MPMS ?= prefork,worker,event
run_contract = APXS='$(APXS)' $(PERL) t/run --mpm=$(MPMS) $(CONTRACT)

contract: all
	$(Q)$(run_contract)

# The unit programs show, too, what a compiler or system does to the table.
matrix-%: mod_wheel/.libs-%/mod_wheel.so unit-%
	$(Q)WHEEL_MODULE=$< $(run_contract) $(UNIT_NAMES:%=t/unit/.build-$*/%)

# POSIX has none of these.
LINUX_ONLY := _np$$|^eventfd|^memfd_|^sem_clockwait|^syscall$$|^sched_set
LINUX_ONLY := $(LINUX_ONLY)|^epoll_|^prctl$$|^gettid$$|^signalfd

portable: mod_wheel/.libs-portable/mod_wheel.so
	$(call say,CHECK,nothing of Linux alone)
	$(Q)! nm -D --undefined-only $< | sed 's/.* U //; s/@.*//' | \
	    grep -E '$(LINUX_ONLY)'

# One after the other, since each takes the cores.
matrix: portable mod_wheel/.libs-gcc/mod_wheel.so \
    mod_wheel/.libs-clang/mod_wheel.so unit-gcc unit-clang unit-portable
	$(Q)for name in gcc clang portable; do \
	    echo "--- $$name"; \
	    $(MAKE) --no-print-directory matrix-$$name || exit 1; \
	done
.PHONY: contract matrix portable

# What it finds, and inputs that have led it further, stay in t/fuzz/.build.
SECONDS ?= 300
fuzz: t/fuzz/.build/parse
	$(Q)mkdir -p t/fuzz/.build/corpus
	$(Q)$< -max_total_time=$(SECONDS) -max_len=1000 -timeout=10 \
	    -dict=t/fuzz/parse.dict -print_final_stats=1 \
	    -artifact_prefix=t/fuzz/.build/ t/fuzz/.build/corpus t/fuzz/corpus

# MINUTES for each MPM; SEED= repeats a run.
MINUTES ?= 10
SEED ?=
soak: all tests
	$(Q)for mpm in prefork worker event; do \
	    WHEEL_MPM=$$mpm t/soak/run $(MINUTES) $(SEED) || exit 1; \
	done

soak-asan: tests mod_wheel/.libs-asan/httpd \
    mod_wheel/.libs-asan-faults/mod_wheel.so
	$(Q)for mpm in prefork worker event; do \
	    WHEEL_HTTPD="$$PWD/mod_wheel/.libs-asan/httpd" \
	    WHEEL_FAULTS_MODULE="$$PWD/mod_wheel/.libs-asan-faults/mod_wheel.so" \
	    WHEEL_MPM=$$mpm t/soak/run $(MINUTES) $(SEED) || exit 1; \
	done
.PHONY: soak soak-asan

STOPS ?= 1000
cluster-soak: all
	$(Q)t/soak/cluster $(STOPS) $(SEED)
.PHONY: cluster-soak

# --- bench ------------------------------------------------------------------

BENCH := t/bench/.build
bench_flags = -std=gnu11 -O2 $(WARNINGS) -Werror -pthread -Imod_wheel \
    $(HTTPD_CPPFLAGS) $(APR_CPPFLAGS)

$(BENCH)/client: t/bench/client.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(bench_flags) $(CFLAGS) -o $@ $<

# It has the very loop of the module, built as the module is.
$(BENCH)/bare: t/bench/bare.c mod_wheel/wheel_spin.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(pure_flags) -Imod_wheel $(CFLAGS) -o $@ $< $(APR_LIBS)

$(BENCH)/table: t/bench/table.c $(PURE_NAMES:%=mod_wheel/.libs/%.o) Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(bench_flags) $(CFLAGS) -o $@ $(filter %.c %.o,$^) $(APR_LIBS)

$(BENCH)/mod_bench_empty.so: t/bench/mod_bench_empty.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(module_flags) -fvisibility=default -Werror $(CFLAGS) \
	    -o $@ $<

$(BENCH)/wheel-go: t/bench/peers/wheel.go
	$(call say,GO,$@)
	$(Q)mkdir -p $(@D)
	$(Q)GO111MODULE=off GOCACHE="$$PWD/$(BENCH)/go-cache" go build -o $@ $<

bench-programs: all $(addprefix $(BENCH)/,client bare table mod_bench_empty.so)

# Whom nobody has installed is left out.
ROUNDS ?=
bench: bench-programs $(if $(shell command -v go),$(BENCH)/wheel-go)
	$(Q)t/bench/run --rounds=$(or $(ROUNDS),5)

bench-quick: bench-programs
	$(Q)t/bench/run --quick --rounds=$(or $(ROUNDS),2)
.PHONY: bench bench-quick bench-programs

clean:
	rm -rf mod_wheel/.libs* mod_wheel/.run t/unit/.build* \
	    t/c-modules/.libs* t/c-modules/.include t/fuzz/.build \
	    mod_wheel/.deb t/bench/.build

.PHONY: all asan tsan faults install uninstall check check-format \
    check-width check-warnings check-lint check-layers check-header \
    check-exports check-shell check-man \
    tests test test-asan test-tsan test-helgrind \
    fuzz clean FORCE
