#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# install.sh install|uninstall|list: the server, its modules and what integrators build with, from a built
# tree to DESTDIR/PREFIX. One list says what goes where, so that uninstall takes back exactly what
# install put there.
#
# Every file is written beside its place and renamed: a server that runs never sees half a file, and what
# it has mapped is left alone. Nothing but PREFIX depends on where it is: an installed tree may be moved.
set -eu
cd "$(dirname "$0")/../.."

: "${O:=build/release}" "${PREFIX:=/usr/local}" "${DESTDIR:=}"
root=$DESTDIR$PREFIX
share=share/baton

# mode place source
one() { printf '%s %s %s\n' "$1" "$2" "$3"; }
tree() { # FOLDER PLACE: all files of a folder
	(cd "$1" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort) | while IFS= read -r file; do
		one 644 "$2/$file" "$1/$file"
	done
}

list() {
	one 755 bin/baton "$O/baton"
	[ ! -f "$O/baton-modhost" ] || one 755 libexec/baton/baton-modhost "$O/baton-modhost"
	one 755 libexec/baton/baton-demo-shop "$O/baton-demo-shop"
	while read -r _ name; do
		one 644 "lib/baton/modules/$name" "$O/modules/$name"
	done <"$O/modules/manifest"
	# Behind the files it speaks of, so that it never vouches for one that is not there yet.
	one 644 lib/baton/modules/manifest "$O/modules/manifest"
	tree channels/web $share/web
	tree policies $share/policies
	tree core/include/baton include/baton
	[ ! -f "$O/libbaton-testhost.a" ] || one 644 lib/libbaton-testhost.a "$O/libbaton-testhost.a"
	one 644 lib/pkgconfig/baton-module.pc "$O/sdk/baton-module.pc"
	one 644 $share/baton-module.mk modules/sdk/baton-module.mk
	one 644 $share/module.map modules/sdk/module.map
	tree modules/sdk/templates $share/templates
	# What the templates take along for reading and writing JSON.
	for file in scan.c scan.h text.c text.h; do
		one 644 "$share/provider/$file" "modules/sdk/provider/$file"
	done
	# And the frame of a guard.
	for file in frame.c frame.h; do
		one 644 "$share/guard/$file" "modules/sdk/guard/$file"
	done
	tree modules/sdk/abi $share/abi
	one 644 $share/LICENSE LICENSE
	one 644 $share/baton.service docs/baton.service
	tree docs share/doc/baton | grep -v ' docs/man/' # pages for man have a place of their own
	[ ! -d docs/man ] || for page in docs/man/*.[1-8]; do
		one 644 "share/man/man${page##*.}/${page##*/}" "$page"
	done
}

put() { # MODE PLACE SOURCE
	to=$root/$2
	mkdir -p "${to%/*}"
	new=${to%/*}/.${to##*/}.new
	install -m "$1" "$3" "$new"
	mv -f "$new" "$to"
}

case ${1:-} in
list) list ;;
install)
	umask 022
	list | while read -r mode place source; do
		put "$mode" "$place" "$source"
	done
	echo "installed into $root"
	;;
uninstall)
	list | while read -r _ place _; do
		rm -f "$root/$place"
	done
	# Folders of ours that are empty now; those with something of others stay.
	for dir in $share share/doc/baton lib/baton libexec/baton include/baton; do
		[ ! -d "$root/$dir" ] || find "$root/$dir" -depth -type d -empty -delete
	done
	echo "removed from $root"
	;;
*)
	echo "usage: install.sh install|uninstall|list" >&2
	exit 2
	;;
esac
