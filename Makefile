# SPDX-License-Identifier: Apache-2.0
# Makefile of mod_wheel: build, install, check, test.
#
#   make              the modules and wheelctl, in mod_wheel/.libs
#   make install      into the httpd that apxs belongs to (DESTDIR= works)
#   make uninstall
#   make deb          Debian packages, in DEB_DIR=mod_wheel/.deb
#   make deb-check    installs, uses and purges them in a clean Debian
#   make check        format, warnings, lint, layers, exports, binaries
#   make unit         the programs of t/unit
#   make tests        what the tests need
#   make test         all of it, and the tests
#   make test-asan    the tests, with the module built for ASan and UBSan;
#                     TESTS='FILE...' for some of them, TEST_FLAGS=--mpm=...
#   make test-tsan    the unit programs, built for TSan
#   make test-helgrind   the module in httpd, under valgrind's helgrind
#   make soak         all faults, at random, MINUTES=10 for each MPM
#   make soak-asan    the same with ASan and UBSan
#   make cluster-soak STOPS=1000 while hosts, links and Redis come and go
#   make fuzz         libFuzzer over what reads requests, for SECONDS=300
#   make bench        mod_wheel beside other servers, in half an hour; ROUNDS=3
#   make bench-quick  mod_wheel alone, in about three minutes
#   make contract     the tests of what every build promises; MPMS=event for one
#                     MPM, APXS= for another httpd, CC= for another compiler
#   make matrix       the same and the unit programs, built by gcc and by clang
#   make asan tsan faults   other builds, in .libs-NAME and t/unit/.build-NAME
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

# --- What apxs and pkg-config know --------------------------------------------

APXS ?= $(firstword $(shell command -v apxs apxs2))
PKG_CONFIG ?= pkg-config

# clean needs neither apxs nor jansson.
ifneq ($(if $(MAKECMDGOALS),$(filter-out clean,$(MAKECMDGOALS)),all),)
ifeq ($(APXS),)
$(error apxs not found: install apache2-dev (httpd-devel) or set APXS=)
endif
ifneq ($(shell $(PKG_CONFIG) --exists jansson && echo yes),yes)
$(error jansson not found by $(PKG_CONFIG): install libjansson-dev)
endif

# apxs takes a tenth of a second: it is asked once, for NAME=VALUE of each, in
# which ^ stands for a space.
APXS_NAMES := APR_CONFIG APU_CONFIG CC CFLAGS CPPFLAGS INCLUDEDIR LIBEXECDIR \
    PROGNAME SBINDIR SYSCONFDIR datadir mandir runtimedir
APXS_SAYS := $(shell $(APXS) -q $(APXS_NAMES) | sed 's/;;/\n/g' | \
    paste -d= <(printf '%s\n' $(APXS_NAMES)) - | tr ' ' '^')
apxs = $(strip $(subst ^, ,$(patsubst $(1)=%,%,$(filter $(1)=%,$(APXS_SAYS)))))

ifeq ($(origin CC),default)
CC := $(call apxs,CC)
endif
APR_CONFIG := $(call apxs,APR_CONFIG)
APU_CONFIG := $(call apxs,APU_CONFIG)
LIBEXECDIR ?= $(call apxs,LIBEXECDIR)
INCLUDEDIR ?= $(call apxs,INCLUDEDIR)
HTTPD ?= $(call apxs,SBINDIR)/$(call apxs,PROGNAME)
SBINDIR ?= $(call apxs,SBINDIR)
SYSCONFDIR ?= $(call apxs,SYSCONFDIR)
mandir ?= $(call apxs,mandir)
docdir ?= $(patsubst %/,%,$(dir $(mandir)))/doc/mod_wheel
datadir ?= $(call apxs,datadir)
runtimedir ?= $(call apxs,runtimedir)
HTTPD_INCLUDES := -I$(call apxs,INCLUDEDIR)
HTTPD_CPPFLAGS := $(call apxs,CPPFLAGS)
HTTPD_CFLAGS := $(call apxs,CFLAGS)
APR_CPPFLAGS := $(shell $(APR_CONFIG) --cppflags --includes)
APR_LIBS := $(shell $(APU_CONFIG) --link-ld) $(shell $(APR_CONFIG) --link-ld)
JANSSON_CFLAGS := $(shell $(PKG_CONFIG) --cflags jansson)
JANSSON_LIBS := $(shell $(PKG_CONFIG) --libs jansson)
SECCOMP_CFLAGS := $(shell $(PKG_CONFIG) --silence-errors --cflags libseccomp)
SECCOMP_LIBS := $(shell $(PKG_CONFIG) --silence-errors --libs libseccomp)
DW_CFLAGS := $(shell $(PKG_CONFIG) --silence-errors --cflags libdw)
DW_LIBS := $(shell $(PKG_CONFIG) --silence-errors --libs libdw)
ifeq ($(SECCOMP_LIBS),)
$(error libseccomp not found by $(PKG_CONFIG): install libseccomp-dev)
endif
ifeq ($(DW_LIBS),)
$(error libdw not found by $(PKG_CONFIG): install libdw-dev)
endif
HIREDIS_CFLAGS := $(shell $(PKG_CONFIG) --silence-errors --cflags hiredis)
HIREDIS_LIBS := $(shell $(PKG_CONFIG) --silence-errors --libs hiredis)
LUA_CFLAGS := $(shell $(PKG_CONFIG) --silence-errors --cflags lua5.3)
LUA_LIBS := $(shell $(PKG_CONFIG) --silence-errors --libs lua5.3)
ifeq ($(LUA_LIBS),)
$(info lua5.3 not found by $(PKG_CONFIG): no mod_wheel_lua)
endif
ifeq ($(HIREDIS_LIBS),)
$(info hiredis not found by $(PKG_CONFIG): no mod_wheel_redis)
endif
# Evaluated when a unit program is built: the module needs no cmocka.
CMOCKA_CFLAGS = $(shell $(PKG_CONFIG) --cflags cmocka)
CMOCKA_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)
LIBPNG = $(shell $(PKG_CONFIG) --cflags --libs libpng)
endif

# The directory of a2enmod, which only Debian's own httpd has; else empty.
MODS_AVAILABLE ?= $(if $(and $(wildcard /etc/debian_version),$(filter \
    apache2,$(notdir $(HTTPD)))),$(strip $(SYSCONFDIR)/mods-available))

CLANG ?= $(firstword $(shell command -v clang clang-14))
CLANG_FORMAT ?= clang-format
CPPCHECK ?= cppcheck
SHELLCHECK ?= $(shell command -v shellcheck)
MANDOC ?= $(shell command -v mandoc)
PERL ?= perl

# --- Goals --------------------------------------------------------------------

.DEFAULT_GOAL := all

include mod_wheel/build.mk
include mod_wheel/install.mk
include mod_wheel/check.mk
include t/tests.mk
include t/bench/bench.mk
include conf/debian.mk

clean:
	rm -rf mod_wheel/.libs* mod_wheel/.run t/unit/.build* \
	    t/modules/.libs* t/modules/.include t/fuzz/.build \
	    mod_wheel/.deb t/bench/.build

.PHONY: clean FORCE
