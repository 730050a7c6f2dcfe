# SPDX-License-Identifier: Apache-2.0
# make check: format, width, warnings, lint, layers, licence, exports, scripts,
# man page.

C_FILES := $(sort $(wildcard mod_wheel/*.[ch] mod_wheel/*/*.[ch] \
    t/unit/*.[ch] t/modules/*.c t/bench/*.c))
SHELL_FILES := $(wildcard build.sh .ci/run t/package/*)
PURE_FILES := $(wildcard mod_wheel/core/*.[ch] mod_wheel/demo/spin.[ch] \
    mod_wheel/mod_wheel.h mod_wheel/cluster/provider.h \
    $(if $(REDIS_NAMES),mod_wheel/redis/[!m]*.[ch]))

CHECKS := check-binaries check-format check-width check-warnings check-musl \
    check-cloexec check-lint check-layers check-licence check-header \
    check-exports check-shell check-man
check: $(CHECKS)
.PHONY: check $(CHECKS)

check-format:
	$(call say,CHECK,format)
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

# clang-format leaves long strings and comments alone.
check-width:
	$(call say,CHECK,no line over 80 columns)
	$(Q)! LC_ALL=C.UTF-8 grep -nE '^.{81,}' $(C_FILES) $(SHELL_FILES) \
	    Makefile mod_wheel/CHANGES $(wildcard mod_wheel/*.mk t/*.mk \
	    t/bench/*.mk conf/*.* conf/cluster/* conf/debian/rules)

check-warnings:
	+$(Q)$(MAKE) --no-print-directory VARIANT=-faults objects
ifneq ($(CLANG),)
	+$(Q)$(MAKE) --no-print-directory VARIANT=-check-clang CC=$(CLANG) objects
endif

CPPCHECK_FLAGS := --quiet --std=c11 --error-exitcode=1 --inline-suppr \
    --enable=warning,style,performance,portability -Imod_wheel
# cppcheck gets no system headers: it knows libc from its own library, and reads
# unknown macros as they are.
CPPCHECK_FLAGS += --suppress=missingIncludeSystem --suppress=missingInclude
# httpd's style: a function's variables stand at its head.
CPPCHECK_FLAGS += --suppress=variableScope
# Later versions than Debian 12's also report members that another file uses,
# macros without a header, and matters of taste.
CPPCHECK_LATER := constParameterCallback constParameterPointer \
    constVariablePointer ctunullpointerOutOfMemory knownConditionTrueFalse \
    normalCheckLevelMaxBranches nullPointerOutOfMemory unknownMacro \
    unusedStructMember
cppcheck_later = $(if $(filter-out 2.10%,$(lastword \
    $(shell $(CPPCHECK) --version))),$(CPPCHECK_LATER:%=--suppress=%))

# musl has these, and they always fail.
check-musl:
	$(call say,CHECK,no call that musl refuses)
	$(Q)! grep -nE '\bsched_[gs]et(scheduler|param)\(' \
	    $(filter mod_wheel/%.c,$(C_FILES)) | grep -v '[a-z] sched_setscheduler()'

# Another thread of a child may start a program at any moment.
check-cloexec:
	$(call say,CHECK,no descriptor that programs inherit)
	$(Q)! grep -nE '\b(socketpair|pipe|accept)\(\w|\bFD_CLOEXEC\b' \
	    $(filter mod_wheel/%.c,$(C_FILES)) | grep -v SOCK_CLOEXEC

check-lint:
	$(call say,CHECK,cppcheck)
	$(Q)$(CPPCHECK) $(CPPCHECK_FLAGS) $(cppcheck_later) $(C_FILES)

# The second check has no httpd header in its search path: to include one is an
# error.
check-layers: $(MADE)/core/table_members.h $(MADE)/core/request_members.h
	$(call say,CHECK,layers)
	$(Q)$(PERL) mod_wheel/check-layers $(LAYERS)
	$(call say,CHECK,what builds without httpd)
	$(Q)for file in $(PURE_FILES); do \
	    $(CC) $(pure_flags) -Werror -fsyntax-only -x c $$file || exit 1; \
	done

# What is built is not committed; pictures, and inputs of the fuzzer, are.
check-binaries:
	$(call say,CHECK,no committed binaries)
	$(Q)! git ls-files 2>/dev/null | grep -E '\.(so|o|a|lo|la|pyc|d)$$'
	$(Q)! git ls-files 2>/dev/null | grep -vE '\.png$$|^t/fuzz/corpus/' | \
	    xargs -r grep -LI '' | grep .

# Every file that is written by hand and has comments, but for small settings.
check-licence:
	$(call say,CHECK,a line of licence in each source file)
	$(Q)! git ls-files 2>/dev/null | grep -vE '\.(md|png|svg|json|dict|8)$$' | \
	    grep -vE '(^|/)\.[^/]+$$|/uplot/|^t/fuzz/corpus/|^conf/debian/' | \
	    grep -vE '^mod_wheel/(CHANGES|LICENSE)$$|^mod_wheel/www/.*html$$' | \
	    xargs -r grep -L 'SPDX-License-Identifier: Apache-2.0' | grep .

# Other modules may use any standard of C or C++.
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
check-exports: $(MODULES:%=$(libs)/%.so)
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

