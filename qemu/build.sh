#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Build the lab's QEMU: build.sh SOURCE OUTPUT [PATCH...]
#
# SOURCE is an unpacked QEMU source tree, 10.2 or later; it is not changed. OUTPUT/qemu-system-x86_64
# appears at the end, whole or not at all. Each PATCH is applied after the project's own (mutants use it).
#
# QEMU wants a newer meson than some distributions have: PYTHONPATH may point to one.
# IOMMUT_QEMU_WORK names a folder to build in and keep, so that the next build only compiles what changed.
# IOMMUT_QEMU_SANITIZE=yes builds with the sanitizers of addresses and undefined behaviour, and keeps the symbols: for fuzzing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")

die() { echo "qemu/build.sh: $*" >&2; exit 1; }

[ $# -ge 2 ] || die "usage: build.sh SOURCE OUTPUT [PATCH...]"
source=$(cd "$1" 2>/dev/null && pwd) || die "no such source folder: $1"
[ -f "$source/hw/i386/intel_iommu.c" ] || die "$source is not a QEMU source tree"
mkdir -p "$2"
output=$(cd "$2" && pwd)
shift 2
patches=()
for patch in "$@"; do
	patches+=("$(realpath "$patch")")
done

if [ -n "${IOMMUT_QEMU_WORK:-}" ]; then
	work=$IOMMUT_QEMU_WORK
	mkdir -p "$work"
	work=$(cd "$work" && pwd)
else
	work=$(mktemp -d "$output/.build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
fi

# A copy made of hard links costs a second and no space. Nothing below may write a file in place: patch, install and sed -i
# all replace it. The modification times stay, so that a kept work folder rebuilds only what differs.
rm -rf "$work/source"
cp -al "$source" "$work/source" 2>/dev/null || { rm -rf "$work/source"; cp -a "$source" "$work/source"; }
cd "$work/source"

apply() {
	patch -p1 --forward --batch --quiet --no-backup-if-mismatch <"$1" || die "$(basename "$1") does not apply to $source"
}

# Debian's source has no firmware blobs. Its patches for that are needed, and may be applied already.
for patch in skip-unpack-edk2-blobs skip-install-dtb; do
	patch=debian/patches/$patch.patch
	[ -f "$patch" ] || continue
	! patch -p1 --forward --dry-run --batch --quiet <"$patch" >/dev/null 2>&1 || apply "$patch"
done
# Page requests of intel-iommu, where QEMU does not have the property svm itself.
grep -q '"svm"' hw/i386/intel_iommu.c || apply "$here/patches/intel-iommu-svm.patch"
# Defects that would spoil every later case of a guest (docs/findings.md). A version that changed the code may have it right by itself.
for name in intel-iommu-present intel-iommu-pass-through intel-iommu-ats-interrupt-range intel-iommu-execute-requested amd-iommu-page-size amd-iommu-fault-report; do
	fix=$here/patches/$name.patch
	! patch -p1 --forward --dry-run --batch --quiet <"$fix" >/dev/null 2>&1 || apply "$fix"
done
for patch in "${patches[@]}"; do
	apply "$patch"
done

# Our device: its files, a Kconfig symbol and a line in meson.build.
for file in "$here"/*.[ch] "$top/include/iommut/testdev-registers.h"; do
	install -p -m 644 "$file" hw/misc/
done
# QEMU 11 moved a header.
[ -f include/hw/qdev-properties.h ] || sed -i 's|"hw/qdev-properties.h"|"hw/core/qdev-properties.h"|' hw/misc/pcie-ats-testdev*.c
ours=()
files=
for file in "$here"/*.c; do
	ours+=("$(basename "$file")")
	files+="'$(basename "$file")', "
done
sed -i '$a\\nconfig PCIE_ATS_TESTDEV\n    bool\n    default y if PCI_DEVICES\n    depends on PCI \&\& MSI_NONBROKEN' hw/misc/Kconfig
sed -i "\$asystem_ss.add(when: 'CONFIG_PCIE_ATS_TESTDEV', if_true: files($files))" hw/misc/meson.build
install -m 644 "$here/devices.mak" configs/devices/x86_64-softmmu/iommut.mak

sanitize=()
[ "${IOMMUT_QEMU_SANITIZE:-no}" != yes ] || sanitize=(--enable-asan --enable-ubsan)

mkdir -p "$work/build"
cd "$work/build"
# Minimal on purpose: what the lab does not use would only cost build time.
../source/configure --python=/usr/bin/python3 --target-list=x86_64-softmmu \
	--without-default-features --without-default-devices --with-devices-x86_64=iommut \
	--enable-system --enable-tcg --enable-kvm --enable-fdt=system \
	--disable-download --disable-install-blobs --disable-docs --disable-werror \
	"${sanitize[@]}" >configure.log 2>&1 || { tail -n 20 configure.log >&2; die "configure failed"; }
ninja -j "${IOMMUT_JOBS:-$(nproc)}" qemu-system-x86_64

# In QEMU's own files a newer compiler may find something new, in ours it must not.
for file in "${ours[@]}"; do
	object=libsystem.a.p/hw_misc_$file.o
	[ -f "$object" ] || die "no object of $file"
	compile=$(ninja -t commands "$object" | tail -n 1 | sed 's/ -MD -MQ [^ ]* -MF [^ ]* -o [^ ]*//')
	eval "$compile -Werror -o /dev/null" || die "$file does not compile without warnings"
done

if [ ${#sanitize[@]} = 0 ]; then
	strip -o "$output/qemu-system-x86_64.new" qemu-system-x86_64
else
	cp qemu-system-x86_64 "$output/qemu-system-x86_64.new"
fi
mv "$output/qemu-system-x86_64.new" "$output/qemu-system-x86_64"
