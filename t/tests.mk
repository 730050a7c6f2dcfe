# SPDX-License-Identifier: Apache-2.0
# Goals of the tests: what they need, sanitizers, soaks, fuzzers.

USER_NAMES := $(basename $(notdir $(sort $(wildcard t/modules/*.c* \
    mod_wheel/examples/*.c))))

# Modules that use the job API, as another author would write them: they see
# mod_wheel.h alone.  A hostile one knows more.
user_flags = -fPIC -pthread -Wall -Wextra -Werror -It/modules/.include \
    $(HTTPD_CPPFLAGS) $(HTTPD_INCLUDES) $(APR_CPPFLAGS) $(variant_flags) \
    $(if $(findstring hostile,$<),-Imod_wheel)

t/modules/.include/mod_wheel.h: mod_wheel/mod_wheel.h
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

users := t/modules/.libs$(VARIANT)

$(users)/%.so: %.c t/modules/.include/mod_wheel.h t/tests.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -shared $(user_flags) -o $@ $< \
	    $(if $(findstring mandelbrot,$<),$(LIBPNG))

$(users)/mod_test_hostile.so: $(wildcard mod_wheel/core/*.h)

$(users)/%.so: %.cc t/modules/.include/mod_wheel.h t/tests.mk
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++98 -O2 -shared $(user_flags) -o $@ $<

users: $(USER_NAMES:%=$(users)/%.so)

vpath %.c t/modules mod_wheel/examples
vpath %.cc t/modules

# libFuzzer is a part of clang.
t/fuzz/.build/parse: t/fuzz/parse.c mod_wheel/core/parse.c \
    $(patsubst %,mod_wheel/core/%.c,filter hosts platform proc \
        request_copy request_mark request_slots request_steps request_wake \
        request_work) \
    $(sort $(wildcard mod_wheel/render/*.c)) \
    $(wildcard mod_wheel/*/*.h t/fuzz/*.h) t/tests.mk
	$(call say,FUZZER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(module_flags) -Imod_wheel $(SANITIZE) \
	    -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c,$^) \
	    $(APR_LIBS) $(JANSSON_LIBS) -lm

t/fuzz/.build/wire: t/fuzz/wire.c mod_wheel/redis/wire.c \
    mod_wheel/redis/place.c $(wildcard mod_wheel/*/*.h t/fuzz/*.h) t/tests.mk
	$(call say,FUZZER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(module_flags) $(SANITIZE) \
	    -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c,$^) \
	    $(APR_LIBS) $(JANSSON_LIBS) $(HIREDIS_LIBS) -lm

t/fuzz/.build/privileged: t/fuzz/privileged.c \
    $(patsubst %,mod_wheel/core/%.c,filter hosts parse platform proc \
    request_copy request_mark request_slots request_steps request_wake \
    request_work thread_copy thread_cut thread_wait thread_wait_fds \
    thread_wait_text) \
    $(patsubst %,mod_wheel/server/privileged_%.c,process cool held) \
    $(wildcard mod_wheel/*/*.h t/fuzz/*.h) t/tests.mk
	$(call say,FUZZER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(module_flags) -Imod_wheel $(SANITIZE) \
	    -fsanitize=fuzzer,address,undefined -o $@ \
	    $(filter-out %_process.c,$(filter %.c,$^)) $(APR_LIBS) -lm

FUZZERS := $(if $(CLANG),t/fuzz/.build/parse t/fuzz/.build/privileged \
    $(if $(REDIS_NAMES),t/fuzz/.build/wire))

# Other builds, each by a make of its own.
variant = +$(Q)$(MAKE) --no-print-directory VARIANT=-$@
asan:
	$(variant) all unit users
tsan:
	$(variant) unit
faults:
	$(variant) all unit
asan-faults:
	$(variant) all

# What the tests need besides their own files.
tests: all unit users faults bench-programs $(FUZZERS)

test: tests check
	$(Q)$(PERL) t/run

# httpd itself is built without a sanitizer, so its runtime has to come first.
# httpd frees no memory when a process ends, so leaks are not reported.
mod_wheel/.libs-asan/httpd: t/tests.mk | asan
	$(Q)printf '%s\n' '#!/bin/sh' \
	    "export LD_PRELOAD='$$($(CC) -print-file-name=libasan.so)'" \
	    'export ASAN_OPTIONS="detect_leaks=0:$$ASAN_OPTIONS"' \
	    'export UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"' \
	    'exec $(HTTPD) "$$@"' >$@
	$(Q)chmod +x $@

# The browser tests run no C code that the others don't.
TESTS ?= unit $(filter-out t/browser/%,$(wildcard t/*/*.t))

test-asan: tests mod_wheel/.libs-asan/httpd
	$(Q)WHEEL_HTTPD="$$PWD/mod_wheel/.libs-asan/httpd" \
	    WHEEL_MODULE=mod_wheel/.libs-asan/mod_wheel.so \
	    WHEEL_UNIT=t/unit/.build-asan \
	    WHEEL_USER_MODULES=t/modules/.libs-asan \
	    $(PERL) t/run $(TEST_FLAGS) $(strip $(TESTS))

test-tsan: tsan
	$(Q)WHEEL_UNIT=t/unit/.build-tsan $(PERL) t/run unit

test-helgrind: all
	$(Q)for mpm in worker event; do \
	    WHEEL_MPM=$$mpm $(PERL) t/soak/helgrind || exit 1; \
	done

# What a client can rely on, with any httpd, compiler and system.
MPMS ?= prefork,worker,event
CONTRACT ?= contract

contract: all
	$(Q)APXS='$(APXS)' WHEEL_MODULE=$(libs)/mod_wheel.so WHEEL_UNIT=$(units) \
	    $(PERL) t/run --mpm=$(MPMS) $(CONTRACT)

# One build after the other, since each takes the cores.  The unit programs show
# what a compiler or system does to the table.
matrix:
	$(Q)for build in CC=gcc CC='$(CLANG)'; do \
	    echo "--- $$build"; \
	    $(MAKE) --no-print-directory $$build unit contract \
	        CONTRACT='contract unit' || exit 1; \
	done

# Its findings, and inputs that reached new code, are kept in t/fuzz/.build.
SECONDS ?= 300
fuzz: $(FUZZERS)
	$(Q)for name in $(notdir $^); do \
	    mkdir -p t/fuzz/.build/corpus-$$name; \
	    t/fuzz/.build/$$name -max_total_time=$(SECONDS) -max_len=1000 \
	        -timeout=10 -dict=t/fuzz/$$name.dict -print_final_stats=1 \
	        -artifact_prefix=t/fuzz/.build/ t/fuzz/.build/corpus-$$name \
	        t/fuzz/corpus || exit 1; \
	done

# MINUTES for each MPM; SEED= repeats a run.
MINUTES ?= 10
SEED ?=
soak: all tests
	$(Q)for mpm in prefork worker event; do \
	    WHEEL_MPM=$$mpm t/soak/run $(MINUTES) $(SEED) || exit 1; \
	done

soak-asan: tests mod_wheel/.libs-asan/httpd asan-faults
	$(Q)for mpm in prefork worker event; do \
	    WHEEL_HTTPD="$$PWD/mod_wheel/.libs-asan/httpd" \
	    WHEEL_FAULTS_MODULE="$$PWD/mod_wheel/.libs-asan-faults/mod_wheel.so" \
	    WHEEL_MPM=$$mpm t/soak/run $(MINUTES) $(SEED) || exit 1; \
	done

STOPS ?= 1000
cluster-soak: all
	$(Q)t/soak/cluster $(STOPS) $(SEED)

.PHONY: users asan tsan faults asan-faults tests test test-asan test-tsan \
    test-helgrind contract matrix fuzz soak soak-asan cluster-soak
