/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcie-ats-testdev without a guest: every register, every status, every misbehaviour. */
#include "device.h"

#define BARS  0xe0000000ull
#define DEVFN (4 << 3)

/* The IOMMU with everything on, by the names this QEMU has for it. */
static char *iommu(const char *qemu)
{
	static char *const options[][3] = {
		{ "scalable-mode", "x-scalable-mode" },
		{ "fsts", "x-flts" },
		{ "pasid-mode", "x-pasid-mode" },
		{ "device-iotlb" },
		{ "svm" },
	};
	g_autoptr(GString) option = g_string_new("intel-iommu,intremap=off");

	for (unsigned int i = 0; i < G_N_ELEMENTS(options); i++) {
		const char *name = lab_qemu_option(qemu, "intel-iommu", options[i]);

		if (name)
			g_string_append_printf(option, ",%s=on", name);
	}
	return g_string_free(g_steal_pointer(&option), FALSE);
}

int main(int argc, char **argv)
{
	g_autofree char *why = NULL;
	g_autoptr(lab_config) config = NULL;
	g_autofree char *intel = NULL;
	const char *arguments[] = { "-machine", "q35", "-m",      "128",
				    "-device",  NULL,  "-device", "pcie-ats-testdev,addr=4",
				    NULL };
	int status;

	g_test_init(&argc, &argv, NULL);
	config = qtest_config(&why);
	if (!config) {
		g_printerr("skipped: %s\n", why);
		return 77;
	}
	intel = iommu(config->qemu);
	arguments[5] = intel;
	machine = qtest_start(config, arguments);
	machine_start_pci(machine);
	function_probe(&device, machine, 0, DEVFN, BARS);

	add_register_cases();
	add_transfer_cases();
	add_ring_cases();
	add_virtual_cases(config, intel);
	add_function_cases();
	add_pri_cases();
	add_ats_cases();
	add_interrupt_cases();
	status = g_test_run();
	qtest_stop(machine);
	return status;
}
