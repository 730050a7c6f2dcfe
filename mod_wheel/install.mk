# SPDX-License-Identifier: Apache-2.0
# make install and make uninstall.  DESTDIR= works for both.

MAN_PAGES := $(wildcard mod_wheel/doc/*.[1-8])
DOCUMENTS := mod_wheel/CHANGES mod_wheel/LICENSE \
    $(filter-out $(MAN_PAGES),$(wildcard mod_wheel/doc/*))
EXAMPLES := $(wildcard mod_wheel/examples/*.c conf/httpd.conf conf/cluster/*)
PAGE := $(shell find mod_wheel/www -type f)

# $(call into,MODE,DIRECTORY,FILES): MODE:FILE:DESTINATION of each file.
into = $(foreach file,$(3),$(1):$(file):$(2)/$(notdir $(file)))

# All that is installed, but for configuration.  A man page's suffix is its
# section.
INSTALLED := $(call into,644,$(LIBEXECDIR),$(MODULES:%=$(libs)/%.so)) \
    $(call into,644,$(INCLUDEDIR),mod_wheel/mod_wheel.h) \
    $(call into,755,$(SBINDIR),$(PROGRAMS)) \
    $(foreach page,$(MAN_PAGES),$(call \
        into,644,$(mandir)/man$(subst .,,$(suffix $(page))),$(page))) \
    $(call into,644,$(docdir),$(DOCUMENTS)) \
    $(call into,644,$(docdir)/examples,$(EXAMPLES)) \
    $(foreach file,$(PAGE),$(call \
        into,644,$(datadir)/$(patsubst %/,%,$(dir $(file))),$(file)))

# Configuration: on Debian for a2enmod, elsewhere a file to include.
CONF_DIR := $(or $(MODS_AVAILABLE),$(SYSCONFDIR)/extra)
CONF_FILES := conf/wheel.conf $(if $(MODS_AVAILABLE), \
    $(wildcard $(MODULES:mod_%=conf/%.load)))

# What these files say of Debian's directories, for this httpd.
localized = sed 's|/usr/lib/apache2/modules|$(LIBEXECDIR)|; \
    s|/usr/share/apache2|$(datadir)|'
# For each file of a list, as $file, $to and, for INSTALLED, $mode.
each_installed = printf '%s\n' $(INSTALLED) | while IFS=: read -r mode file to
each_conf = for file in $(CONF_FILES); do \
    to='$(DESTDIR)$(CONF_DIR)'/$${file\#\#*/}

install: all
	@$(each_installed); do \
	    install -v -D -m "$$mode" "$$file" '$(DESTDIR)'"$$to"; \
	done
	@# What an admin has changed stays; ours goes beside it.
	@$(each_conf); new=$(libs)/$${file##*/}; \
	    $(localized) "$$file" >"$$new"; \
	    if [[ $$file = *.conf && -e $$to ]] && ! cmp -s "$$new" "$$to"; then \
	        echo "$$to differs and stays; the new one is $$to.new"; \
	        to=$$to.new; \
	    fi; \
	    install -v -D -m 644 "$$new" "$$to"; \
	done
ifneq ($(MODS_AVAILABLE),)
	@echo "Enable it with: a2enmod wheel && apachectl graceful"
else
	@echo "Load it with these lines in httpd.conf:"
	@echo "LoadModule wheel_module $(LIBEXECDIR)/mod_wheel.so"
	@echo "Include $(CONF_DIR)/wheel.conf"
endif

uninstall:
	@# httpd would not start with a link that leads nowhere.
	@$(each_conf); link='$(DESTDIR)$(SYSCONFDIR)'/mods-enabled/$${file##*/}; \
	    if [ -L "$$link" ]; then \
	        echo "$$link: run a2dismod first" >&2; \
	        exit 1; \
	    fi; \
	done
	@$(each_conf); rm -vf "$$to.new"; \
	    if [[ $$file = *.load ]] || $(localized) "$$file" | cmp -s - "$$to"; \
	    then \
	        rm -vf "$$to"; \
	    elif [ -e "$$to" ]; then \
	        echo "$$to stays: it has been changed"; \
	    fi; \
	done
	@$(each_installed); do rm -vf '$(DESTDIR)'"$$to"; done
	rm -rf '$(DESTDIR)$(datadir)/mod_wheel' '$(DESTDIR)$(docdir)'
.PHONY: install uninstall
