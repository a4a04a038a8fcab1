#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What continuous integration runs, and you may run as well: everything from a clean machine on. Where
# Baton is installed already, nothing is fetched.
set -eu
cd "$(dirname "$0")"

if ! pkg-config --exists baton-module 2>/dev/null; then
	: "${BATON_REPOSITORY:?is not set: where is Baton to be cloned from?}"
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends git ca-certificates build-essential pkg-config
	git clone --quiet --depth 1 "$BATON_REPOSITORY" /tmp/baton
	/tmp/baton/.ci/install build
	make -s -C /tmp/baton -j "$(nproc)" install PREFIX=/usr
fi
make clean
make check
make V=asan check
