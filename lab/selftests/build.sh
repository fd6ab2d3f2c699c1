#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Build the kernel's own tests of IOMMUs for the lab's guests: build.sh SOURCE HEADERS LIBRARIES OUTPUT
#
# SOURCE is an unpacked kernel source, HEADERS its uAPI headers, LIBRARIES a folder with usr/include and usr/lib of libcap and
# libuuid, with static libraries. OUTPUT gets the programs and the descriptions that `iommut --tests` reads.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

[ $# = 4 ] || { echo "usage: build.sh SOURCE HEADERS LIBRARIES OUTPUT" >&2; exit 2; }
source=$(realpath "$1")
headers=$(realpath "$2")
libraries=$(realpath "$3")/usr
mkdir -p "$4"
output=$(realpath "$4")
work=$(mktemp -d "$output/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The harness ends a test after 30 s, also on an emulated machine, which takes ten times as long (iommut's deadlines know that), and goes on
# with the next one while the first still holds its device.
selftests=$work/linux/tools/testing/selftests
mkdir -p "$selftests"
ln -s "$source"/{arch,drivers,include} "$work/linux/"
cp "$source"/tools/testing/selftests/*.{h,mk} "$selftests/"
cp -rL "$source"/tools/testing/selftests/{iommu,vfio} "$selftests/"
sed -i 's/, t->timeout \* 1000);/, t->timeout * 10000);/' "$selftests/kselftest_harness.h"
grep -q 't->timeout \* 10000' "$selftests/kselftest_harness.h" || { echo "kselftest_harness.h waits for tests in another way now" >&2; exit 1; }

for topic in iommu vfio; do
	mkdir "$work/$topic"
	make -C "$selftests/$topic" -j "${IOMMUT_JOBS:-$(nproc)}" top_srcdir="$source" OUTPUT="$work/$topic" KHDR_INCLUDES="-isystem $headers" \
		USERCFLAGS="-iquote $selftests -I$libraries/include -ffile-prefix-map=$selftests/=" \
		USERLDFLAGS="-static -L$(echo "$libraries"/lib/*-linux-gnu)"
	for program in "$work/$topic"/*; do
		[ -f "$program" ] && [ -x "$program" ] || continue
		strip -o "$output/$(basename "$program")" "$program"
	done
	cp "$here/$topic.conf" "$output/"
done

# kselftest_harness.h prints its tests as a table: the variants and the tests of each fixture stand side by side in columns of at least 20 and
# 25 characters, and every variant has every test.
names() { # PROGRAM
	{ "$1" -l 2>&1 || [ $? = 4 ]; } | awk '
		function flush(v, t) {
			for (v = 0; v < variants || v == 0; v++)
				for (t = 0; t < tests; t++)
					print fixture (variants ? "." variant[v] : "") "." test[t]
			variants = tests = 0
		}
		/^#/ || /^---/ { next }
		{
			if ($0 !~ /^ /) { flush(); fixture = $1 }
			rest = substr($0, ($0 !~ /^ / && length($1) > 20 ? length($1) : 20) + 2)
			wide = 25
			if (rest !~ /^ /) {
				split(rest, words, " ")
				variant[variants++] = words[1]
				if (length(words[1]) > wide)
					wide = length(words[1])
			}
			name = substr(rest, wide + 2)
			if (name != "")
				test[tests++] = name
		}
		END { flush() }' | paste -s -d ';'
}
for program in iommufd iommufd_fail_nth; do
	list=$(names "$output/$program")
	[ -n "$list" ] || { echo "$program -l names no test" >&2; exit 1; }
	sed -i "s/^cases=@$program@\$/cases=$list/" "$output/iommu.conf"
done
! grep -n '@' "$output/iommu.conf"
