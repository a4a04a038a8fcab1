#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A PostgreSQL server for a test, on a Unix socket in a folder of its own and on no port.
#
# postgres.sh make            makes one with database `baton` and roles `archive` (trusted) and `locked`
#                             (password `sesame`), and prints its folder
# postgres.sh start|stop|kill DIR
# postgres.sh signal SIG DIR  to the server and all its children (STOP, CONT)
# postgres.sh remove DIR
# DIR is also the socket's folder: psql -h DIR -U archive baton
#
# PostgreSQL refuses to run as root, so root becomes `postgres` for it.
set -euo pipefail

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "postgres.sh: PostgreSQL is not installed" >&2; exit 3; }
as=()
[ "$(id -u)" -ne 0 ] || as=(runuser -u postgres --)

start() { "${as[@]}" "$bin/pg_ctl" -D "$1/data" -l "$1/log" -w -t 30 start >/dev/null; }
pids() { # the server and its children
	local main
	main=$(head -1 "$1/data/postmaster.pid")
	echo "$main" "$(cat "/proc/$main/task/$main/children")"
}

case ${1:-} in
make)
	dir=$(mktemp -d "${TMPDIR:-/tmp}/baton-postgres-XXXXXX")
	chmod 755 "$dir"
	[ "$(id -u)" -ne 0 ] || chown postgres "$dir"
	cd "$dir"
	"${as[@]}" "$bin/initdb" -D "$dir/data" -U owner -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
	"${as[@]}" tee -a "$dir/data/postgresql.conf" >/dev/null <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$dir'
		max_connections = 20
		shared_buffers = 16MB
		dynamic_shared_memory_type = mmap
		log_min_messages = fatal
	CONF
	"${as[@]}" tee "$dir/data/pg_hba.conf" >/dev/null <<-HBA
		local all locked scram-sha-256
		local all all trust
	HBA
	start "$dir"
	"$bin/psql" -q -h "$dir" -U owner postgres -c 'CREATE DATABASE baton' -c 'CREATE ROLE archive LOGIN' \
		-c "CREATE ROLE locked LOGIN PASSWORD 'sesame'" -c 'ALTER DATABASE baton OWNER TO archive'
	echo "$dir"
	;;
start) start "$2" ;;
stop) "${as[@]}" "$bin/pg_ctl" -D "$2/data" -m fast -w stop >/dev/null ;;
# Every process at once, as a power failure would.
kill)
	# shellcheck disable=SC2046
	kill -KILL $(pids "$2")
	rm -f "$2/data/postmaster.pid" "$2"/.s.PGSQL.*
	# What they shared is given back when the last is gone.
	sleep 0.2
	;;
signal)
	# shellcheck disable=SC2046
	kill "-$2" $(pids "$3")
	;;
remove)
	"${as[@]}" "$bin/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$2"
	;;
*) echo "usage: postgres.sh make | start|stop|kill|remove DIR | signal SIG DIR" >&2; exit 2 ;;
esac
