# SPDX-License-Identifier: Apache-2.0
# make install and make uninstall.  DESTDIR= works for both.

# A man page's suffix is its section.
HEADERS := mod_wheel/mod_wheel.h
MAN_PAGES := $(wildcard mod_wheel/doc/*.[1-8])
DOCUMENTS := mod_wheel/CHANGES mod_wheel/LICENSE \
    $(filter-out $(MAN_PAGES),$(wildcard mod_wheel/doc/*))
MODS_FILES := $(foreach name,$(MODULES:mod_%=%),$(wildcard \
    conf/$(name).load conf/$(name).conf))

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
	    $(put) "$$file" "$(DESTDIR)$(docdir)/$${file##*/}"; \
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

