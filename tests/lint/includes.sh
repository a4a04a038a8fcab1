#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The direction of includes is the architecture: a room of core/ uses the ones above it and none
# below; libraries stay in the rooms that wrap them; modules see the ABI headers, their own folder and the
# parts of modules/sdk that are compiled into them.
. "$(dirname "$0")/lib.sh"

# Top to bottom. session uses base alone, besides the marks of journal.h.
ROOMS='base demo loop journal policy isolate module modhost testhost check session route swap turn actor desk observe files server cli'

# "FILE QUOTED-OR-ANGLED HEADER" for each include.
scratch
ours 'core/*.c' 'core/*.h' 'channels/*.c' 'channels/*.h' 'modules/*.c' 'modules/*.h' |
	xargs -r sed -nE '/^[[:space:]]*#[[:space:]]*include/{
		s/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]*)".*/quoted \1/
		s/^[[:space:]]*#[[:space:]]*include[[:space:]]*<([^>]*)>.*/angled \1/
		F
		p
	}' | paste -d ' ' - - >"$SCRATCH"

# Exceptions that the contracts themselves make, each one header and each for a reason:
#   actor/seam.h, notice.h   names of journal.h and of events: the seam is where they meet
#   policy.h in route, turn  above them already
#   metrics.h and .def       counters are declared where they are kept; the seam takes their numbers
#   triggers.*, drill.h      words of the route that policies are written with
#   port.h                   is the channels' view of the server
findings_from '' "$(awk -v rooms="$ROOMS" '
	function room_of(path) {
		if (path !~ /^core\/[a-z]*\//) return ""
		sub(/^core\//, "", path)
		sub(/\/.*/, "", path)
		return path
	}
	function allowed(room, header) {
		if (room == "session" && header == "core/journal/journal.h") return 1
		if (room == "policy" && header ~ /^core\/route\/(triggers\.(h|def)|drill\.h)$/) return 1
		return header ~ /^core\/observe\/metrics\.(h|def)$/
	}
	BEGIN { n = split(rooms, room); for (i = 1; i <= n; i++) rank[room[i]] = i }
	$1 !~ /^core\// || $1 ~ /^core\/include\// || $2 != "quoted" { next }
	{
		mine = room_of($1); theirs = room_of($3)
		if ($3 ~ /^channels\//) {
			if (mine != "cli") print $1 ": " $3 ": only the command line knows the channels"
		} else if ($3 !~ /^core\//)
			print $1 ": \"" $3 "\": our headers are named from the root"
		else if (allowed(mine, $3))
			next
		else if (mine == "session" && theirs != "session" && theirs != "base")
			print $1 ": session is pure and uses base alone, not " $3
		else if (!rank[theirs] || rank[theirs] > rank[mine])
			print $1 ": " mine " is above " $3
	}' "$SCRATCH")"

# library HEADERS ROOMS NAME: patterns of what only files below ROOMS may include.
library() {
	findings_from '' "$(grep -E "^(core|channels)/[^ ]* angled ($1)\$" "$SCRATCH" | grep -Ev "^($2)" |
		grep -v '^core/include/' | sed "s,^\([^ ]*\) angled \(.*\),\1: <\2> belongs to $3 alone,")"
}
# They give libwebsockets the loop's own uv_loop_t, and ask it the time: the others may not know it.
library 'uv\.h' 'core/loop/|channels/http/lws\.c |channels/chat/chat\.c ' core/loop
library 'curl/.*' 'core/loop/' core/loop
library 'lmdb\.h' 'core/journal/' core/journal
library 'yaml\.h' 'core/policy/' core/policy
library 'pcre2\.h' 'core/policy/' core/policy
library 'libwebsockets.*' 'channels/' channels
library 'microhttpd\.h' 'core/demo/' core/demo
library 'dlfcn\.h' 'core/(module|modhost|testhost)/' core/module

findings_from '' "$(grep -E '^channels/[^ ]* quoted ' "$SCRATCH" |
	grep -Ev ' quoted (core/(base|session)/.*|core/loop/loop\.h|core/actor/notice\.h|core/server/port\.h|core/observe/metrics\..*|channels/.*)$' |
	sed 's,^\([^ ]*\) quoted \(.*\),\1: a channel sees the port\, not \2,')"

findings_from '' "$(grep -E '^modules/[^ ]* angled (core/.*|uv\.h|curl/.*|lmdb\.h|libwebsockets.*)$' "$SCRATCH" |
	sed 's,^\([^ ]*\) angled \(.*\),\1: <\2> is not for modules,')"
grep -E '^modules/[^ ]* quoted ' "$SCRATCH" | grep -Ev ' quoted modules/sdk/[^/]+/[^/]+$' >"$SCRATCH.modules" || true
while read -r file _ header; do
	case "$file $header" in
	# Templates are taken apart by FILES: what they name stands beside them when they are used.
	modules/sdk/templates/*' frame.h' | modules/sdk/templates/*' scan.h' | modules/sdk/templates/*' text.h' | modules/sdk/templates/*' test.h') ;;
	*/*' '*/*) [ "${header%/*}" = "${file%/*}" ] || finding "$file: \"$header\": a module sees <baton/*.h> and its own folder" ;;
	*) [ -f "${file%/*}/$header" ] || finding "$file: \"$header\" is not in its folder" ;;
	esac
done <"$SCRATCH.modules"
rm -f "$SCRATCH.modules"
verdict 'includes go one way'
