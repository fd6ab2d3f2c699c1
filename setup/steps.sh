# SPDX-License-Identifier: GPL-2.0-or-later
# The steps of setup/setup, in their order. Each does nothing when its result is there.

conf_qemu= conf_qemu_data= conf_qemu_source= conf_qemu_stock=
conf_kernel= conf_kernel_config= conf_kernel_source= conf_headers= conf_selftests=

host_packages() {
	local missing
	missing=$(packages_missing)
	[ -z "$missing" ] || install_packages "$missing"
}

# install_packages NAMES: one a line; with what else packages_missing() says of them where apt is not at home.
install_packages() {
	local missing=$1 as_root=
	if ! command -v apt-get >/dev/null || ! grep -qsE '^ID(_LIKE)?=.*debian' /etc/os-release; then
		die "please install what is missing (Debian's names):"$'\n'"$missing"
	fi
	if [ "$(id -u)" != 0 ]; then
		sudo -n true 2>/dev/null || die "please run: sudo apt-get install --no-install-recommends $(tr '\n' ' ' <<<"$missing")"
		as_root="sudo -n"
	fi
	say "installing Debian packages: $(tr '\n' ' ' <<<"$missing")"
	# Fresh machines and containers have no package lists yet, or old ones.
	with_progress "reading the host's package lists" 12 "$cache/log/host-update" $as_root apt-get update
	with_progress "installing packages" 400 "$cache/log/host-install" \
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}

uapi_headers() {
	local version folder
	version=$(chosen linux newest_linux) || die "the mirror has no linux-source package"
	folder=$cache/uapi-$(hash_of "$version")
	conf_headers=$folder
	[ ! -d "$folder" ] || return 0
	private_apt
	say "uAPI headers of Linux ${version%% *}"
	rm -rf "$cache/work/uapi"
	unpack_package "$cache/work/uapi" linux-libc-dev trixie-backports
	# What is left is what `make headers_install` would give for this architecture.
	rm -rf "$cache/work/uapi-new"
	mkdir "$cache/work/uapi-new"
	(
		cd "$cache/work/uapi/usr/include"
		cp -rL asm-generic linux misc mtd rdma drm x86_64-linux-gnu/asm "$cache/work/uapi-new/"
	)
	mv "$cache/work/uapi-new" "$folder"
	rm -rf "$cache/work/uapi"
}

# "7.3 7.3.4-1~bpo13+1": the newest kernel whose source Debian packages.
newest_linux() {
	private_apt
	local package
	package=$(apt-cache search --names-only '^linux-source-[0-9.]+$' | awk '{ print $1 }' | sort -V | tail -n 1)
	[ -n "$package" ] || return 1
	echo "${package#linux-source-} $(apt-cache madison "$package" | awk -F '|' 'NR == 1 { gsub(/ /, "", $2); print $2 }')"
}

kernel_build_commands() { # SOURCE BUILD
	set -e
	make -C "$1" O="$2" tinyconfig
	(cd "$2" && "$1/scripts/kconfig/merge_config.sh" -m -O . .config "$fragment")
	make -C "$2" olddefconfig
	make -C "$2" -j "$(jobs)" KBUILD_BUILD_USER=iommutests KBUILD_BUILD_HOST=lab vmlinux bzImage
}

lab_kernel() {
	local version folder source build tarball
	if [ -n "$kernel" ]; then
		conf_kernel=$kernel
		return 0
	fi
	version=$(chosen linux newest_linux)
	folder=$cache/kernel-$(hash_of "$version" "$fragment")
	source=$cache/kernel-source-${version#* }
	if [ ! -d "$folder" ]; then
		if [ ! -d "$source" ]; then
			private_apt
			say "fetching the source of Linux ${version#* }, 160 MB"
			rm -rf "$cache/work/linux" "$cache/work/linux-source"
			unpack_package "$cache/work/linux" "linux-source-${version%% *}"
			tarball=$(echo "$cache"/work/linux/usr/src/linux-source-*.tar.xz)
			mkdir "$cache/work/linux-source"
			with_progress "unpacking Linux" 1 "$cache/log/kernel-unpack" \
				tar -C "$cache/work/linux-source" --strip-components=1 -xf "$tarball"
			mv "$cache/work/linux-source" "$source"
			rm -rf "$cache/work/linux" "$cache/downloads/linux-source-${version%% *}"
		fi
		build=$cache/work/kernel-$(basename "$folder")
		mkdir -p "$build"
		say "building the lab's kernel, about $(minutes 13) min"
		with_progress "building Linux" 2400 "$cache/log/kernel-build" kernel_build_commands "$source" "$build"
		rm -rf "$folder.new"
		mkdir "$folder.new"
		# Stripped: booted through PVH, every byte of it is copied.
		strip -o "$folder.new/vmlinux" "$build/vmlinux"
		cp "$build/arch/x86/boot/bzImage" "$folder.new/bzImage"
		cp "$build/.config" "$folder.new/config"
		mv "$folder.new" "$folder"
		rm -rf "$build"
	fi
	conf_kernel=$folder/vmlinux
	conf_kernel_config=$folder/config
	[ ! -d "$source" ] || conf_kernel_source=$source
}

# The kernel's own tests of iommufd and VFIO, static, from the source of the lab's kernel: some seconds. They are an extra: a kernel whose
# tests do not build is no reason to go without a lab.
lab_selftests() {
	local folder libraries=$cache/work/selftest-libraries
	[ -n "$conf_kernel_source" ] || return 0
	folder=$cache/selftests-$(hash_of "$(basename "$conf_kernel_source")" "${selftest_inputs[@]}")
	if [ ! -d "$folder" ]; then
		private_apt
		rm -rf "$libraries" "$folder.new"
		if ! (
			unpack_package "$libraries" libcap-dev bookworm
			unpack_package "$libraries" uuid-dev bookworm
			IOMMUT_JOBS=$(jobs) with_progress "building Linux's own tests" 35 "$cache/log/selftests-build" \
				"$top/lab/selftests/build.sh" "$conf_kernel_source" "$conf_headers" "$libraries" "$folder.new"
		); then
			say "going on without Linux's own tests (make lab SELFTESTS=1)"
			return 0
		fi
		rm -rf "$libraries"
		mv "$folder.new" "$folder"
	fi
	conf_selftests=$folder
}

# The newest QEMU source at or above 10.2 that really downloads: mirrors list sources they no longer have.
newest_qemu() {
	local version
	private_apt
	apt-cache showsrc qemu | awk '/^Version:/ { print $2 }' | sort -rVu | while read -r version; do
		dpkg --compare-versions "$version" ge 1:10.2 || continue
		rm -rf "$cache/downloads/qemu-source"
		mkdir -p "$cache/downloads/qemu-source"
		if (cd "$cache/downloads/qemu-source" && apt-get source --download-only "qemu=$version") >"$cache/log/qemu-download" 2>&1; then
			echo "$version"
			break
		fi
		say "QEMU $version is listed, but does not download"
	done
}

qemu_source_of() { # VERSION FOLDER
	local downloads=$cache/downloads/qemu-source
	if ! ls "$downloads"/*.dsc >/dev/null 2>&1; then
		private_apt
		mkdir -p "$downloads"
		(cd "$downloads" && apt-get source --download-only "qemu=$1") >"$cache/log/qemu-download" 2>&1 || return 1
	fi
	rm -rf "$cache/work/qemu-source"
	dpkg-source --skip-patches -x "$downloads"/*.dsc "$cache/work/qemu-source" >"$cache/log/qemu-unpack" 2>&1 || return 1
	mv "$cache/work/qemu-source" "$2"
	rm -rf "$downloads"
}

# QEMU's source brings no firmware.
qemu_data() {
	local folder=$cache/qemu-data
	conf_qemu_data=$folder
	[ ! -d "$folder" ] || return 0
	private_apt
	rm -rf "$cache/work/firmware" "$cache/work/qemu-data"
	mkdir -p "$cache/work/qemu-data"
	unpack_package "$cache/work/firmware" seabios
	unpack_package "$cache/work/firmware" qemu-system-data trixie-backports
	cp -L "$cache"/work/firmware/usr/share/seabios/bios*.bin \
		"$cache"/work/firmware/usr/share/qemu/{kvmvapic,linuxboot_dma,multiboot_dma,pvh}.bin "$cache/work/qemu-data/"
	mv "$cache/work/qemu-data" "$folder"
	rm -rf "$cache/work/firmware"
}

# QEMU's build wants meson 1.5 or later; older distributions get one from backports, unpacked beside.
meson_for_qemu() {
	local folder=$cache/meson version
	version=$(meson --version 2>/dev/null || echo 0)
	if dpkg --compare-versions "$version" ge 1.5; then
		return 0
	fi
	if [ ! -d "$folder" ]; then
		private_apt
		rm -rf "$cache/work/meson"
		unpack_package "$cache/work/meson" meson bookworm-backports
		unpack_package "$cache/work/meson" python3-pycotap bookworm-backports
		mv "$cache/work/meson" "$folder"
	fi
	export PYTHONPATH=$folder/usr/lib/python3/dist-packages
}

stock_qemu() {
	say "no QEMU source at or above 10.2: going on with the distribution's QEMU and its stock devices"
	say "lost: everything that needs our pcie-ats-testdev; --qemu-source DIR brings it back"
	# Needed only here, so it is not in the list of what every machine gets.
	command -v qemu-system-x86_64 >/dev/null || install_packages qemu-system-x86
	conf_qemu=$(command -v qemu-system-x86_64) || die "qemu-system-x86 is installed, but there is no qemu-system-x86_64"
	conf_qemu_stock=yes
}

lab_qemu() {
	local version source folder
	if [ -n "$qemu" ]; then
		conf_qemu=$qemu
		return 0
	fi
	if [ -n "$qemu_source" ]; then
		version=$(cat "$qemu_source/VERSION" 2>/dev/null) || die "$qemu_source is not a QEMU source tree"
		source=$qemu_source
	else
		version=$(chosen qemu newest_qemu) || { stock_qemu; return 0; }
		source=$cache/qemu-source-${version#*:}
	fi
	folder=$cache/qemu-$(hash_of "$version|$qemu_source" "${qemu_inputs[@]}")
	qemu_data
	if [ ! -d "$folder" ]; then
		if [ ! -d "$source" ]; then
			say "fetching the source of QEMU $version, 40 MB"
			qemu_source_of "$version" "$source" || { stock_qemu; return 0; }
		fi
		meson_for_qemu
		say "building QEMU, about $(minutes 8) min"
		rm -rf "$folder.new"
		IOMMUT_QEMU_WORK=$cache/work/qemu IOMMUT_JOBS=$(jobs) \
			with_progress "building QEMU" 1430 "$cache/log/qemu-build" "$top/qemu/build.sh" "$source" "$folder.new"
		mv "$folder.new" "$folder"
	fi
	conf_qemu=$folder/qemu-system-x86_64
	[ ! -d "$source" ] || conf_qemu_source=$source
}

write_lab_conf() { # STAMP
	local key variable
	{
		echo "# Written by setup/setup; iommut lab reads it."
		echo "[lab]"
		for key in qemu qemu_data qemu_source qemu_stock kernel kernel_config kernel_source uapi_headers selftests; do
			variable=conf_$key
			[ $key != uapi_headers ] || variable=conf_headers
			[ -z "${!variable}" ] || echo "$key=${!variable}"
		done
	} >"$cache/lab.conf.$$.new"
	cp "$cache/lab.conf.$$.new" "$1.new"
	mv -f "$cache/lab.conf.$$.new" "$cache/lab.conf"
	mv -f "$1.new" "$1"
}

# is_used PATH CONF: whether a value in it is this path or lies below it.
is_used() {
	local value
	while IFS='=' read -r _ value; do
		case $value in
		"$1" | "$1"/*) return 0 ;;
		esac
	done <"$2"
	return 1
}

# old_things: what was made for other inputs than those of this checkout, a path a line.
old_things() {
	local path
	for path in "$cache"/kernel-* "$cache"/qemu-* "$cache"/uapi-* "$cache"/selftests-*; do
		[ ! -e "$path" ] || is_used "$path" "$cache/lab.conf" || echo "$path"
	done
}

# Other checkouts that still use these make them again.
clean_old() {
	local paths=() path size
	mapfile -t paths < <(old_things)
	for path in "$cache"/stamps/* "$cache"/downloads/* "$cache"/work/*; do
		[ ! -e "$path" ] || [ "$path" = "$stamp" ] || paths+=("$path")
	done
	[ ${#paths[@]} -gt 0 ] || { say "nothing old in $cache"; return 0; }
	size=$(du -ch "${paths[@]}" | awk 'END { print $1 }')
	rm -rf "${paths[@]}"
	say "removed $size from $cache: ${paths[*]##*/}"
}

# Said only when something was made, as that is when something else gets old.
tell_old() {
	local paths
	mapfile -t paths < <(old_things)
	[ ${#paths[@]} = 0 ] || say "${#paths[@]} folders of former inputs are in $cache; setup/setup --clean-old removes them"
}
