// SPDX-License-Identifier: GPL-2.0-or-later
/* Which case a fault is held against, when several run at once. */
#include <string.h>

#include "runner/executor.h"

#define SAYS_SO "KTAP version 1\n1..1\n# this case provokes faults\n"
#define CASES   3

static struct device devices[] = {
	{ .name = (char *)"0000:01:00.0", .group = (char *)"1", .driver = (char *)"vfio-pci" },
	{ .name = (char *)"0000:02:00.0", .group = (char *)"2", .driver = (char *)"vfio-pci" },
	{ .name = (char *)"0000:00:00.0", .group = (char *)"3", .driver = (char *)"bridge" },
};
static struct test_case which;
static struct item item = { .which = &which };
static struct machine machine;
static struct executor executor;
static struct running *cases[CASES];

/* The first two have a device, the last one has none. */
static void set_up(gboolean is_guest)
{
	machine.is_guest = is_guest;
	machine.devices = g_ptr_array_new();
	for (guint i = 0; i < G_N_ELEMENTS(devices); i++)
		g_ptr_array_add(machine.devices, &devices[i]);
	executor.machine = &machine;
	executor.allowed = g_ptr_array_new();
	executor.running = g_ptr_array_new_with_free_func(running_free);
	for (guint i = 0; i < CASES; i++) {
		struct running *run = cases[i] = g_new0(struct running, 1);

		run->item = &item;
		run->output[0] = g_string_new(NULL);
		run->output[1] = g_string_new(NULL);
		run->kernel = g_string_new(NULL);
		run->devices[0] = i < 2 ? &devices[i] : NULL;
		g_ptr_array_add(executor.running, run);
	}
}

static void tear_down(void)
{
	g_ptr_array_unref(executor.running);
	g_ptr_array_unref(executor.allowed);
	g_ptr_array_unref(machine.devices);
}

static const char *held_against(guint number)
{
	return executor_unmeant_fault(&executor, cases[number]);
}

static void one_device(void)
{
	set_up(TRUE);
	executor_take_kernel(&executor, "first", FALSE, "0000:02:00.0");
	executor_take_kernel(&executor, "second", FALSE, "0001:02:00.0");
	g_assert_null(held_against(0));
	g_assert_cmpstr(held_against(1), ==, "first");
	g_assert_null(held_against(2));
	tear_down();
}

/* What another one says does not matter: the device is known. */
static void one_device_beside_another(void)
{
	set_up(TRUE);
	g_string_append(cases[0]->output[0], SAYS_SO);
	executor_take_kernel(&executor, "line", FALSE, "0000:02:00.0");
	g_assert_cmpstr(held_against(1), ==, "line");
	tear_down();
}

static void written_by_a_program(void)
{
	set_up(TRUE);
	executor_take_kernel(&executor, "line", TRUE, "0000:02:00.0");
	g_assert_null(held_against(1));
	tear_down();
}

static void nobodys_device(void)
{
	static const char *const names[] = { "0000:fe:00.0", "0000:00:00.0", "" };

	for (guint n = 0; n < G_N_ELEMENTS(names); n++) {
		set_up(TRUE);
		executor_take_kernel(&executor, "line", FALSE, names[n]);
		for (guint i = 0; i < CASES; i++)
			g_assert_cmpstr(held_against(i), ==, "line");
		tear_down();
	}
}

/* On a machine at work a device with a driver is somebody else's. */
static void a_driver_at_work(void)
{
	set_up(FALSE);
	executor_take_kernel(&executor, "line", FALSE, "0000:00:00.0");
	for (guint i = 0; i < CASES; i++)
		g_assert_null(held_against(i));
	executor_take_kernel(&executor, "line", FALSE, "0000:fe:00.0");
	g_assert_cmpstr(held_against(0), ==, "line");
	tear_down();
}

/* One that ran then provokes faults: it may say so later, and may be over first. */
static void nobodys_device_beside_another(void)
{
	set_up(TRUE);
	executor_take_kernel(&executor, "line", FALSE, "0000:fe:00.0");
	g_assert_cmpstr(held_against(0), ==, "line");
	g_string_append(cases[1]->output[0], SAYS_SO);
	g_assert_null(held_against(0));
	tear_down();

	set_up(TRUE);
	g_string_append(cases[1]->output[0], SAYS_SO);
	executor_take_kernel(&executor, "line", FALSE, "0000:fe:00.0");
	(void)held_against(1);
	g_ptr_array_remove(executor.running, cases[1]);
	g_assert_null(held_against(0));
	/* What came after that is another matter. */
	executor_take_kernel(&executor, "later", FALSE, "0000:fe:00.0");
	g_assert_cmpstr(held_against(0), ==, "later");
	g_assert_cmpstr(held_against(2), ==, "later");
	tear_down();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/executor_log/one-device", one_device);
	g_test_add_func("/executor_log/one-device-beside-another", one_device_beside_another);
	g_test_add_func("/executor_log/written-by-a-program", written_by_a_program);
	g_test_add_func("/executor_log/nobodys-device", nobodys_device);
	g_test_add_func("/executor_log/a-driver-at-work", a_driver_at_work);
	g_test_add_func("/executor_log/nobodys-device-beside-another",
			nobodys_device_beside_another);
	return g_test_run();
}
