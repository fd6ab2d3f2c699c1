# SPDX-License-Identifier: GPL-2.0-or-later
# The front door. Meson builds; this only knows the order of things.

BUILD ?= build
PREFIX ?= /usr/local
cache = $(or $(IOMMUT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/iommutests)
headers = $$(sed -n 's/^uapi_headers=//p' "$(cache)/lab.conf")
setup_flags = $(if $(KERNEL),--kernel "$(KERNEL)") $(if $(QEMU),--qemu "$(QEMU)") \
	$(if $(QEMU_SOURCE),--qemu-source "$(QEMU_SOURCE)")
lab_flags = $(if $(KERNEL),--kernel "$(KERNEL)") $(if $(MODULES),--modules "$(MODULES)") $(if $(QEMU),--qemu "$(QEMU)") \
	$(foreach profile,$(PROFILE),--profile $(profile))

.PHONY: lab check mutants build setup install help clean
.DEFAULT_GOAL := help

help:
	@echo "make lab       boot Linux behind emulated IOMMUs and judge its DMA"
	@echo "make check     test iommutests itself"
	@echo "make mutants   break Linux in many ways, one at a time, and see that the cases notice (hours)"
	@echo "make install   install iommut, its suites and libiommut below PREFIX ($(PREFIX))"
	@echo
	@echo "Both first install and build what is missing: some 15 minutes the first time, nothing after that."
	@echo "Variables of make lab:"
	@echo "  PROFILE='A B'     the IOMMUs to emulate (iommut lab --list-profiles names them)"
	@echo "  KERNEL=PATH       test this kernel: a bzImage, a vmlinux or a kernel build tree"
	@echo "  MODULES=DIR       its modules"
	@echo "  QEMU=PATH         use this QEMU"
	@echo "  QEMU_SOURCE=DIR   build QEMU from this source"
	@echo "  ARGS='...'        more arguments of iommut lab"

setup:
	@setup/setup $(setup_flags)

build: setup
	@[ "$$(cat $(BUILD)/.uapi_headers 2>/dev/null)" = "$(headers)" ] || { \
		if [ -f $(BUILD)/build.ninja ]; then meson configure $(BUILD) -Duapi_headers="$(headers)"; \
		else meson setup $(BUILD) -Duapi_headers="$(headers)"; fi >/dev/null && \
		echo "$(headers)" >$(BUILD)/.uapi_headers; }
	@ninja -C $(BUILD) --quiet

lab: build
	@$(BUILD)/cli/iommut lab $(lab_flags) $(ARGS)

check: build
	@.ci/check $(BUILD)

mutants: build
	@tests/mutants/run $(MUTANTS)

install: build
	meson configure $(BUILD) -Dprefix="$(PREFIX)"
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)
