# SPDX-License-Identifier: Apache-2.0
#
# make install DESTDIR= PREFIX=/usr/local   and make uninstall with the same two; what goes where:
# modules/sdk/install.sh list.

PREFIX  ?= /usr/local
VERSION  = $(shell sed -n 's/^\#define BATON_VERSION "\(.*\)"/\1/p' core/cli/main.c)
ABI      = $(shell sed -n 's/^\#define BATON_ABI_M[AI][JN]OR \([0-9]*\)u.*/\1/p' core/include/baton/module.h | paste -sd.)

# The server lets files that stand here, with these very bytes, run in its own process.
$(O)/modules/manifest: $(MODULE_SO)
	@cd $(@D) && sha256sum $(notdir $(MODULE_SO)) >.manifest.new && mv -f .manifest.new manifest

$(O)/sdk/baton-module.pc: modules/sdk/baton-module.pc.in modules/sdk/install.mk core/include/baton/module.h core/cli/main.c
	@mkdir -p $(@D)
	@sed 's/@ABI@/$(ABI)/; s/@VERSION@/$(VERSION)/' $< >$@

.PHONY: install uninstall
install: all $(O)/sdk/baton-module.pc
	@O=$(O) DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" modules/sdk/install.sh install
uninstall: $(O)/modules/manifest
	@O=$(O) DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" modules/sdk/install.sh uninstall
