# SPDX-License-Identifier: Apache-2.0
# make deb and make deb-check: Debian packages, and their use in a clean Debian.

DEB_DIR ?= mod_wheel/.deb
deb_version = $(shell dpkg-parsechangelog -l conf/debian/changelog \
    -S Version | cut -d- -f1)

# They are built from a copy of the source, with debian/ where Debian wants it.
# Names that begin with a dot are settings of developers, or built.
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

