#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The direction of includes is the architecture: a room of core/ uses the ones above it and none
# below; libraries stay in the rooms that wrap them; modules see the ABI headers, their own folder and the
# parts of modules/sdk that are compiled into them.
. "$(dirname "$0")/lib.sh"

# Top to bottom. session uses base alone, besides the marks of journal.h.
ROOMS='base demo loop journal policy isolate module modhost testhost check session route swap turn actor desk observe files server cli'

rank() {
	n=0
	for room in $ROOMS; do
		n=$((n + 1))
		[ "$room" = "$1" ] && echo "$n" && return
	done
	echo 0
}

quoted() {
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"
}
angled() {
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\([^>]*\)>.*/\1/p' "$1"
}

room_of() {
	echo "$1" | sed -n 's,^core/\([a-z]*\)/.*,\1,p'
}

# Exceptions that the contracts themselves make, each one header and each for a reason:
#   actor/seam.h, notice.h   names of journal.h and of events: the seam is where they meet
#   policy.h in route, turn  above them already
#   metrics.h and .def       counters are declared where they are kept; the seam takes their numbers
#   triggers.*, drill.h      words of the route that policies are written with
#   port.h                   is the channels' view of the server
allowed() {
	case "$1 $2" in
	'session core/journal/journal.h') return 0 ;;
	'policy core/route/triggers.h' | 'policy core/route/triggers.def' | 'policy core/route/drill.h') return 0 ;;
	'include '*) return 1 ;;
	*' core/observe/metrics.h' | *' core/observe/metrics.def') return 0 ;;
	esac
	return 1
}

check_core() {
	room=$(room_of "$1")
	mine=$(rank "$room")
	for header in $(quoted "$1"); do
		case $header in
		core/*) ;;
		channels/*)
			[ "$room" = cli ] || finding "$1: $header: only the command line knows the channels"
			continue
			;;
		*)
			finding "$1: \"$header\": our headers are named from the root"
			continue
			;;
		esac
		theirs=$(rank "$(room_of "$header")")
		allowed "$room" "$header" && continue
		if [ "$room" = session ] && [ "$(room_of "$header")" != session ] && [ "$(room_of "$header")" != base ]; then
			finding "$1: session is pure and uses base alone, not $header"
		elif [ "$theirs" -eq 0 ] || [ "$theirs" -gt "$mine" ]; then
			finding "$1: $room is above $header"
		fi
	done
}

library() { # FILE HEADER-PATTERN ROOM-PATTERN NAME
	# shellcheck disable=SC2254
	case $1 in $3) return ;; esac
	for header in $(angled "$1"); do
		# shellcheck disable=SC2254
		case $header in $2) finding "$1: <$header> belongs to $4 alone" ;; esac
	done
}

for file in $(ours 'core/*.c' 'core/*.h' 'channels/*.c' 'channels/*.h'); do
	case $file in core/include/*) continue ;; core/*) check_core "$file" ;; esac
	# They give libwebsockets the loop's own uv_loop_t, and ask it the time: the others may not know it.
	case $file in channels/http/lws.c | channels/chat/chat.c) ;; *) library "$file" 'uv.h' 'core/loop/*' core/loop ;; esac
	library "$file" 'curl/*' 'core/loop/*' core/loop
	library "$file" 'lmdb.h' 'core/journal/*' core/journal
	library "$file" 'yaml.h' 'core/policy/*' core/policy
	library "$file" 'pcre2.h' 'core/policy/*' core/policy
	library "$file" 'libwebsockets*' 'channels/*' channels
	library "$file" 'microhttpd.h' 'core/demo/*' core/demo
	case $file in core/modhost/* | core/testhost/*) ;; *) library "$file" 'dlfcn.h' 'core/module/*' core/module ;; esac
done

for file in $(ours 'channels/*.c' 'channels/*.h'); do
	for header in $(quoted "$file"); do
		case $header in
		core/base/* | core/loop/loop.h | core/session/* | core/actor/notice.h | core/server/port.h | core/observe/metrics.* | channels/*) ;;
		*) finding "$file: a channel sees the port, not $header" ;;
		esac
	done
done

is_template() {
	case $1 in modules/sdk/templates/*) return 0 ;; *) return 1 ;; esac
}

for file in $(ours 'modules/*.c' 'modules/*.h'); do
	for header in $(quoted "$file"); do
		case $header in
		modules/sdk/*/*) ;;
		# Templates are taken apart by FILES: what they name stands beside them when they are used.
		frame.h | scan.h | text.h | test.h) is_template "$file" || [ -f "${file%/*}/$header" ] || finding "$file: \"$header\" is not in its folder" ;;
		*/*) [ "${header%/*}" = "${file%/*}" ] || finding "$file: \"$header\": a module sees <baton/*.h> and its own folder" ;;
		*) [ -f "${file%/*}/$header" ] || finding "$file: \"$header\" is not in its folder" ;;
		esac
	done
	for header in $(angled "$file"); do
		case $header in core/* | uv.h | curl/* | lmdb.h | libwebsockets*) finding "$file: <$header> is not for modules" ;; esac
	done
done
verdict 'includes go one way'
