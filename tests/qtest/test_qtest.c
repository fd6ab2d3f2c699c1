/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcie-ats-testdev without a guest: every register, every status, every misbehaviour. */
#include "device.h"

#define BARS  0xe0000000ull
#define DEVFN (4 << 3)

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
	intel = machine_iommu(config->qemu, false);
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
