# SPDX-License-Identifier: Apache-2.0
# make bench and make bench-quick.

BENCH := t/bench/.build
bench_flags = -std=gnu11 -O2 $(WARNINGS) -Werror -pthread -Imod_wheel \
    $(HTTPD_CPPFLAGS) $(APR_CPPFLAGS)

$(BENCH)/client: $(addprefix t/bench/,client.c client_ask.c http.c \
    reference.c series.c client_ask.h http.h reference.h series.h bench.mk)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(bench_flags) $(CFLAGS) -o $@ $(filter %.c,$^)

# It has the loop of the module, built with the same flags.
$(BENCH)/bare: t/bench/bare.c mod_wheel/demo/spin.c t/bench/bench.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(pure_flags) -Imod_wheel $(CFLAGS) -o $@ $< $(APR_LIBS)

$(BENCH)/table $(BENCH)/slices: $(BENCH)/%: t/bench/%.c \
    $(PURE_NAMES:%=$(libs)/%.o) t/bench/bench.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(bench_flags) $(CFLAGS) -o $@ $(filter %.c %.o,$^) $(APR_LIBS) \
	    $(SECCOMP_LIBS)

$(BENCH)/mod_bench_empty.so: t/bench/mod_bench_empty.c t/bench/bench.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(module_flags) -fvisibility=default -Werror $(CFLAGS) \
	    -o $@ $<

$(BENCH)/wheel-go: t/bench/peers/wheel.go
	$(call say,GO,$@)
	$(Q)mkdir -p $(@D)
	$(Q)GO111MODULE=off GOCACHE="$$PWD/$(BENCH)/go-cache" go build -o $@ $<

bench-programs: all $(addprefix $(BENCH)/,client bare table slices \
    mod_bench_empty.so)

# Servers that are not installed are left out.
ROUNDS ?=
bench: bench-programs $(if $(shell command -v go),$(BENCH)/wheel-go)
	$(Q)t/bench/run --rounds=$(or $(ROUNDS),3)
	$(Q)t/bench/runaway --write
	$(Q)t/bench/storm --write
	$(Q)t/bench/requests --write
	$(Q)t/bench/instructions

bench-quick: bench-programs
	$(Q)t/bench/run --quick --rounds=$(or $(ROUNDS),2)
.PHONY: bench bench-quick bench-programs

