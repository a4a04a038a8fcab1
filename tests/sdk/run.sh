#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What integrators get, as they get it: `make install` into a folder, which is then moved; from there on
# nothing of this tree is used but the tests themselves. Each step's time is printed. TAP on stdout.
set -euo pipefail
cd "$(dirname "$0")/../.."
export V=${V:-release}

dir=$(mktemp -d "${TMPDIR:-/tmp}/baton-sdk-XXXXXX")
trap '[ -n "${KEEP:-}" ] || rm -rf "$dir"' EXIT
umask 027 # a builder's own habits must not show in what is installed

make -s V="$V" install DESTDIR="$dir/stage" PREFIX=/usr
mv "$dir/stage/usr" "$dir/baton"
export SDK_ROOT="$dir/baton" SDK_WORK="$dir/work" BATON_BIN="$dir/baton/bin/baton"
export PKG_CONFIG_PATH="$SDK_ROOT/lib/pkgconfig"
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CXXFLAGS
mkdir "$SDK_WORK"
# The guide installs its module among ours: last.
node --test --test-concurrency=1 tests/sdk/install.test.mjs tests/sdk/new.test.mjs tests/sdk/serve.test.mjs tests/sdk/fresh.test.mjs
node --test tests/sdk/guide.test.mjs

# Taken back, nothing of ours is left but what others put beside it.
make -s V="$V" install DESTDIR="$dir/again" PREFIX=/opt/baton
make -s V="$V" uninstall DESTDIR="$dir/again" PREFIX=/opt/baton
left=$(find "$dir/again" -mindepth 3 \( -type f -o -name '*baton*' \))
if [ -z "$left" ]; then echo "ok - uninstall leaves no file and no folder of ours"; else
	echo "not ok - uninstall leaves no file and no folder of ours"
	echo "# $left"
	exit 1
fi
