# SPDX-License-Identifier: GPL-2.0-or-later
# Small tools of setup/setup. Sourced by it; `cache` is set.

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 3; }
usage_error() { say "$*"; say "try --help"; exit 2; }

# hash_of TEXT FILE...: 16 hex digits that change when the text or a file's name or content changes.
hash_of() {
	local text=$1
	shift
	{ printf '%s\n' "$text" "${@##*/}"; [ $# = 0 ] || cat -- "$@"; } | sha256sum | cut -c 1-16
}

# install_atomically FILE DESTINATION: nobody ever sees half of it.
install_atomically() {
	cp "$1" "$2.$$.new"
	mv -f "$2.$$.new" "$2"
}

# A stamp is a copy of lab.conf; it is good while everything lab.conf names is there.
stamp_is_good() {
	local key value
	[ -f "$1" ] || return 1
	while IFS='=' read -r key value; do
		case $value in
		/*) [ -e "$value" ] || return 1 ;;
		esac
	done <"$1"
}

need_space() { # GIBIBYTES
	local free
	free=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1048576) }')
	[ "$free" -ge "$1" ] || die "$cache has $free GiB free; the set-up needs $1 GiB (IOMMUT_CACHE chooses another folder)"
}

jobs() { echo "${IOMMUT_JOBS:-$(nproc)}"; }

# minutes CORE_MINUTES: a guess at the wall time on this machine.
minutes() { echo $((($1 + $(jobs) - 1) / $(jobs))); }

# with_progress LABEL LINES LOG COMMAND...: run a command into a log, showing how far the log has come of the LINES expected.
with_progress() {
	local label=$1 lines=$2 log=$3 started=$SECONDS pid done_lines percent last=-1 status=0
	shift 3
	: >"$log"
	# A process group of its own: an interrupt must reach all of a build, and a shell's background jobs ignore Ctrl-C.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	set +m
	pid=$!
	trap 'kill -- -$pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		say "interrupted; the same command goes on from here"
		exit 130' INT TERM
	while kill -0 $pid 2>/dev/null; do
		done_lines=$(wc -l <"$log")
		percent=$((done_lines * 100 / lines))
		[ $percent -le 99 ] || percent=99
		if [ -t 2 ]; then
			printf '\rsetup: %s: %d %%, %d s ' "$label" $percent $((SECONDS - started)) >&2
		elif [ $((percent / 20)) -gt $last ]; then
			last=$((percent / 20))
			say "$label: $percent %"
		fi
		# A short wait only decides how often progress is shown, and ends with the command.
		timeout 2 tail --pid=$pid -f /dev/null || true
	done
	wait $pid || status=$?
	[ ! -t 2 ] || printf '\r' >&2
	trap 'say "interrupted; the same command goes on from here"; exit 130' INT TERM
	if [ $status != 0 ]; then
		tail -n 15 "$log" >&2
		die "$label failed; the whole log is $log"
	fi
	say "$label: done in $((SECONDS - started)) s"
}

# --- Debian packages ---

probe_finds() { # KIND:VALUE
	case $1 in
	cmd:*) command -v "${1#*:}" >/dev/null ;;
	file:*) [ -e "${1#*:}" ] ;;
	py:*) /usr/bin/python3 -c "import ${1#*:}" 2>/dev/null ;;
	pc:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
	header:*) echo "#include <${1#*:}>" | gcc -E -x c - >/dev/null 2>&1 ;;
	*) die "setup/packages: cannot read $1" ;;
	esac
}

packages_missing() {
	local package probe
	while read -r package probe; do
		case $package in
		'' | '#'*) continue ;;
		esac
		if command -v dpkg-query >/dev/null; then
			dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
		else
			probe_finds "$probe" || echo "$package ($probe)"
		fi
	done <"$setup/packages"
}

# Where Debian packages come from, as this host's apt has it.
mirror() {
	local site=${IOMMUT_MIRROR:-}
	if [ -z "$site" ] && grep -qsx 'ID=debian' /etc/os-release; then
		site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v -e security -e '^file:' -e '^cdrom:' | head -n 1)
	fi
	[ -n "$site" ] || die "this host's apt names no Debian mirror: give its URL in IOMMUT_MIRROR"
	echo "${site%/}"
}

# A package root of our own, with the suites newer than the host's. Sets APT_CONFIG for what follows.
private_apt() {
	local root=$cache/apt site suite key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -f $key ] || die "no $key: install debian-archive-keyring"
	export APT_CONFIG=$root/apt.conf
	[ ! -f "$root/updated" ] || [ "$update" = yes ] || return 0
	site=$(unset APT_CONFIG; mirror)
	mkdir -p "$root"/state/lists/partial "$root"/cache/archives/partial "$root"/etc/apt.conf.d "$root"/etc/preferences.d
	for suite in bookworm bookworm-backports trixie trixie-backports sid; do
		echo "deb [signed-by=$key] $site $suite main"
	done >"$root/etc/sources.list"
	for suite in trixie-backports sid; do
		echo "deb-src [signed-by=$key] $site $suite main"
	done >>"$root/etc/sources.list"
	: >"$root/status"
	# A frozen mirror's Release of sid is expired; its signature and the packages' checksums are still verified.
	cat >"$APT_CONFIG" <<-EOF
		Dir::State "$root/state";
		Dir::State::status "$root/status";
		Dir::Cache "$root/cache";
		Dir::Etc "$root/etc";
		Dir::Etc::sourceparts "-";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
		Acquire::Retries "3";
		APT::Sandbox::User "root";
		APT::Architecture "amd64";
	EOF
	with_progress "reading package lists" 20 "$cache/log/apt-update" apt-get update --error-on=any
	touch "$root/updated"
}

# fetch_package PACKAGE[=VERSION] [SUITE]: prints the path of the .deb; apt verifies its checksum.
fetch_package() {
	local package=$1 suite=${2:-} folder file
	folder=$cache/downloads/$(tr '/=:' '---' <<<"$package${suite:+-$suite}")
	if [ ! -f "$folder/complete" ]; then
		rm -rf "$folder"
		mkdir -p "$folder"
		(cd "$folder" && apt-get download ${suite:+-t "$suite"} "$package") >"$cache/log/download" 2>&1 ||
			{ tail -n 3 "$cache/log/download" >&2; return 1; }
		touch "$folder/complete"
	fi
	file=$(echo "$folder"/*.deb)
	[ -f "$file" ] || return 1
	echo "$file"
}

# unpack_package FOLDER PACKAGE [SUITE]
unpack_package() {
	local file
	file=$(fetch_package "$2" "${3:-}") || die "cannot download $2"
	dpkg -x "$file" "$1"
}

# chosen KEY COMMAND...: a version once chosen stays, so that a second set-up makes the same things without network.
chosen() {
	local file=$cache/chosen-$1
	shift
	if [ ! -s "$file" ] || [ "$update" = yes ]; then
		"$@" >"$file.new" && [ -s "$file.new" ] || return 1
		mv "$file.new" "$file"
	fi
	cat "$file"
}
