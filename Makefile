# SPDX-License-Identifier: GPL-2.0-or-later
# The front door. Meson builds; this only knows the order of things.

BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
CHECK_FUZZ_SECONDS ?= 60
SOAK_TIMES ?= 20
BENCH_TIMES ?= 5
cache = $(or $(IOMMUT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/iommutests)
headers = $$(sed -n 's/^uapi_headers=//p' "$(cache)/lab.conf")
setup_flags = $(if $(KERNEL),--kernel "$(KERNEL)") $(if $(QEMU),--qemu "$(QEMU)") \
	$(if $(QEMU_SOURCE),--qemu-source "$(QEMU_SOURCE)")
lab_flags = --known-issues lab/known-issues.conf $(if $(KERNEL),--kernel "$(KERNEL)") \
	$(if $(MODULES),--modules "$(MODULES)") $(if $(QEMU),--qemu "$(QEMU)") \
	$(foreach profile,$(PROFILE),--profile $(profile)) $(if $(SELFTESTS),--selftests)

.PHONY: lab check coverage mutants fuzz soak bench build setup install help clean
.DEFAULT_GOAL := help

help:
	@echo "make lab       boot Linux behind emulated IOMMUs and judge its DMA"
	@echo "make check     test iommutests itself, with each fuzzer for CHECK_FUZZ_SECONDS (60)"
	@echo "make coverage  which lines of the library no unit test reaches"
	@echo "make mutants   break QEMU, its test device and Linux in many ways, one at a time, and see that the cases notice (hours)"
	@echo "make fuzz      feed what a device or another process can write with rubbish, FUZZ_SECONDS each (600)"
	@echo "make soak      the lab's cases in random order, SOAK_TIMES times (20); hours"
	@echo "make bench     what a lab run costs beyond booting and powering off, the runner beside bare processes, the library beside system calls"
	@echo "make install   install iommut, its suites and libiommut below PREFIX ($(PREFIX))"
	@echo
	@echo "Both first install and build what is missing: some 15 minutes the first time, nothing after that."
	@echo "Variables of make lab:"
	@echo "  PROFILE='A B'     the IOMMUs to emulate (iommut lab --list-profiles names them)"
	@echo "  KERNEL=PATH       test this kernel: a bzImage, a vmlinux or a kernel build tree"
	@echo "  MODULES=DIR       its modules"
	@echo "  SELFTESTS=1       Linux's own tests of iommufd and VFIO, too"
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
	@IOMMUT_UAPI_HEADERS="$(headers)" .ci/check $(BUILD) $(CHECK_FUZZ_SECONDS)

coverage: setup
	@[ -f $(BUILD)-coverage/build.ninja ] || CC=gcc meson setup $(BUILD)-coverage -Db_coverage=true -Dbuildtype=debug \
		-Duapi_headers="$(headers)" >/dev/null
	@ninja -C $(BUILD)-coverage --quiet
	@tests/lib/coverage $(BUILD)-coverage

mutants: build
	@tests/mutants/run $(MUTANTS)

# New inputs stay in the build folder; what crashes is kept there too.
fuzz: setup
	@IOMMUT_UAPI_HEADERS="$(headers)" tests/fuzz/run $(BUILD)-fuzz $(FUZZ_SECONDS)

soak: build
	@$(BUILD)/cli/iommut lab $(lab_flags) --shuffle --repeat $(SOAK_TIMES) $(ARGS)

bench: build
	@$(BUILD)/bench/lab_floor $(BUILD)/cli/iommut $(BUILD)/bench/power_off $(BUILD)/suites \
		$(or $(PROFILE),intel-legacy) $(BENCH_TIMES) $(or $(ARGS),-e pcie-ats-testdev dma blocked device)
	@bench/runner $(BUILD)
	@bench/library $(BUILD)

install: build
	meson configure $(BUILD) -Dprefix="$(PREFIX)"
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-coverage
