# SPDX-License-Identifier: Apache-2.0
#
# Builds one module, out of tree, from an installed Baton. A module's whole Makefile:
#
#	MODULE := provider-acme
#	include $(shell pkg-config --variable=mk baton-module)
#
# make             build/release/provider-acme.so
# make check       its unit tests (tests/test_*.c), then `baton module check`
# make install     into the server's modules directory (DESTDIR, MODULEDIR)
# make V=asan ...  the same with AddressSanitizer and UBSan, in build/asan
#
# Set before the include, if the defaults do not fit: SOURCES (all *.c *.cc *.cpp here), TESTS
# (tests/test_*.c), CFLAGS, CXXFLAGS, CPPFLAGS, LDLIBS; for `make check` CONFIG (a JSON file: the module's
# configuration), CASSETTE (the right answer of its upstream: tests/*.cassette), CHECK (more options).

ifeq ($(strip $(MODULE)),)
$(error MODULE is not set: MODULE := provider-acme, before the include)
endif

V         ?= release
O         := build/$(V)
SOURCES   ?= $(wildcard *.c *.cc *.cpp)
TESTS     ?= $(wildcard tests/test_*.c tests/test_*.cc tests/test_*.cpp)
CASSETTE  ?= $(wildcard tests/*.cassette)
CFLAGS    ?= -O2 -g -Wall -Wextra
CXXFLAGS  ?= $(CFLAGS) -std=gnu++17
PKG_CONFIG ?= pkg-config

baton_var  = $(shell $(PKG_CONFIG) --variable=$(1) baton-module)
BATON     ?= $(call baton_var,baton)
MODULEDIR ?= $(call baton_var,moduledir)

comma          := ,
baton_san_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
baton_san      := $(baton_san_$(V))
# clang keeps the sanitizer's runtime in the program that loads the module, so its names stay open.
baton_open     := $(if $(and $(baton_san),$(findstring clang,$(CC))),-Wl$(comma)-z$(comma)undefs)
baton_cflags   := $(call baton_var,cflags) $(baton_san) -MMD -MP
# clang makes no unique symbols, and does not know the word.
baton_unique   := $(shell $(CXX) -fno-gnu-unique -E -x c++ /dev/null >/dev/null 2>&1 && echo -fno-gnu-unique)
baton_cxxflags := $(filter-out -fno-gnu-unique,$(call baton_var,cxxflags)) $(baton_unique) $(baton_san) -MMD -MP
baton_ldflags  := $(call baton_var,ldflags) $(baton_san)
baton_testlibs := $(call baton_var,testlibs)

baton_objects := $(patsubst %,$(O)/%.o,$(SOURCES))
# A module with C++ in it is linked as C++.
baton_link    := $(if $(filter %.cc %.cpp,$(SOURCES)),$(CXX),$(CC))
baton_tests   := $(patsubst %,$(O)/%.test,$(basename $(TESTS)))
baton_so      := $(O)/$(MODULE).so

.PHONY: all check install uninstall clean
all: $(baton_so)

$(O)/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(baton_cflags) -c -o $@ $<
$(O)/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(baton_cxxflags) -c -o $@ $<
$(O)/%.cpp.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(baton_cxxflags) -c -o $@ $<

# Under another name first: whoever looks never finds half a module.
$(baton_so): $(baton_objects)
	@mkdir -p $(@D)
	$(baton_link) $(LDFLAGS) $(baton_ldflags) $(baton_open) -o $@.new $(baton_objects) $(LDLIBS)
	@mv -f $@.new $@

# A unit test is a program of its own that loads the module: it gets the file as its argument.
$(O)/%.test: $(O)/%.c.o
	$(baton_link) $(LDFLAGS) $(baton_san) -o $@ $< $(baton_testlibs)
$(O)/%.test: $(O)/%.cc.o
	$(CXX) $(LDFLAGS) $(baton_san) -o $@ $< $(baton_testlibs)
$(O)/%.test: $(O)/%.cpp.o
	$(CXX) $(LDFLAGS) $(baton_san) -o $@ $< $(baton_testlibs)

check: $(baton_so) $(baton_tests)
	@for test in $(baton_tests); do $$test $(baton_so) || exit 1; done
	@if [ "$(V)" = asan ]; then echo "# baton module check runs with V=release: the server has no sanitizer"; \
	else $(BATON) module check $(baton_so) $(if $(CONFIG),--config $(abspath $(CONFIG))) $(if $(CASSETTE),--cassette $(abspath $(CASSETTE))) $(CHECK); fi

install: $(baton_so)
	@install -d -m 755 $(DESTDIR)$(MODULEDIR)
	install -m 644 $(baton_so) $(DESTDIR)$(MODULEDIR)/.$(MODULE).so.new
	mv -f $(DESTDIR)$(MODULEDIR)/.$(MODULE).so.new $(DESTDIR)$(MODULEDIR)/$(MODULE).so
uninstall:
	rm -f $(DESTDIR)$(MODULEDIR)/$(MODULE).so
clean:
	rm -rf build

.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
