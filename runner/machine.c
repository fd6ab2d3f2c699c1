// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/plan.h"

static void device_free(gpointer data)
{
	struct device *device = data;

	g_free(device->name);
	g_free(device->vendor);
	g_free(device->product);
	g_free(device->class);
	g_free(device->group);
	g_free(device->driver);
	g_free(device->engine);
	g_free(device->use);
	g_free(device);
}

struct machine *machine_new(void)
{
	struct machine *machine = g_new0(struct machine, 1);

	machine->facts = json_object();
	machine->devices = g_ptr_array_new_with_free_func(device_free);
	machine->cases = g_ptr_array_new_with_free_func((GDestroyNotify)test_case_free);
	machine->problems = g_ptr_array_new_with_free_func(g_free);
	return machine;
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	json_decref(machine->facts);
	g_ptr_array_unref(machine->devices);
	g_ptr_array_unref(machine->cases);
	g_ptr_array_unref(machine->problems);
	g_free(machine);
}
