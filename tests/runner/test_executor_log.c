// SPDX-License-Identifier: GPL-2.0-or-later
/* Which case a fault is held against, when several run at once. */
#include <string.h>

#include "runner/executor.h"

/* What the cases say; the device of the second is the one whose faults are reported, or none is. */
#define SAYS_SO                                                                                \
	"KTAP version 1\n1..1\n# this case provokes faults: 0000:02:00.0 write 0x1000-0x1fff " \
	"pasid=none\n"
#define CASES 3

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

static gboolean is_known(gpointer data, const char *line)
{
	(void)data;
	return g_str_equal(line, "known");
}

static const struct execute_sink sink = { .allows = is_known };

/* The first two have a device, the last one has none. */
static void set_up(gboolean is_guest)
{
	machine.is_guest = is_guest;
	machine.devices = g_ptr_array_new();
	for (guint i = 0; i < G_N_ELEMENTS(devices); i++)
		g_ptr_array_add(machine.devices, &devices[i]);
	executor.machine = &machine;
	executor.sink = &sink;
	executor.allowed = g_ptr_array_new();
	executor.running = g_ptr_array_new_with_free_func(running_free);
	for (guint i = 0; i < CASES; i++) {
		struct running *run = cases[i] = running_new(&item);

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
	return cases[number]->fault_line;
}

static void say(guint number, const char *words)
{
	g_string_append(cases[number]->output[0], words);
}

static void report_at(const char *line, const char *requester, guint64 address)
{
	const struct reported_fault fault = { .kind = FAULT_OF_DMA,
					      .requester = requester,
					      .has_address = TRUE,
					      .address = address,
					      .writes = TRUE,
					      .pasid = PASID_NONE };

	executor_take_kernel(&executor, line, FALSE, &fault);
}

static void report(const char *line, const char *requester)
{
	report_at(line, requester, 0x1234);
}

static void one_device(void)
{
	set_up(TRUE);
	report("first", "0000:02:00.0");
	report("second", "02:00.0");
	g_assert_null(held_against(0));
	g_assert_cmpstr(held_against(1), ==, "first");
	g_assert_null(held_against(2));
	tear_down();

	/* The domain is told, and it is another one: this is nobody's device. */
	set_up(TRUE);
	report("line", "0001:02:00.0");
	g_assert_cmpstr(held_against(0), ==, "line");
	tear_down();
}

/* What another one says does not matter: the device is known. */
static void one_device_beside_another(void)
{
	set_up(TRUE);
	say(0, SAYS_SO);
	report("line", "0000:02:00.0");
	g_assert_cmpstr(held_against(1), ==, "line");
	tear_down();
}

/* Only what was announced, and only once it was. */
static void announced(void)
{
	set_up(TRUE);
	say(1, SAYS_SO);
	report("line", "02:00.0");
	g_assert_null(held_against(1));
	report_at("beside it", "02:00.0", 0x2000);
	g_assert_cmpstr(held_against(1), ==, "beside it");
	g_assert_null(held_against(0));
	g_assert_null(held_against(2));
	tear_down();

	set_up(TRUE);
	report("early", "02:00.0");
	say(1, SAYS_SO);
	report("late", "02:00.0");
	g_assert_cmpstr(held_against(1), ==, "early");
	tear_down();

	/* A line that has not come to its end may become another one. */
	set_up(TRUE);
	say(1, "# this case provokes faults: 0000:02:00.0 write 0x1000-0x1");
	report("line", "02:00.0");
	g_assert_cmpstr(held_against(1), ==, "line");
	tear_down();

	set_up(TRUE);
	say(1, "# this case provokes faults: 0000:02:00.0 write 0x1000-0x1");
	say(1, "fff pasid=none\n");
	report("line", "02:00.0");
	g_assert_null(held_against(1));
	tear_down();
}

static void written_by_a_program(void)
{
	const struct reported_fault fault = { .requester = "0000:02:00.0" };

	set_up(TRUE);
	executor_take_kernel(&executor, "line", TRUE, &fault);
	g_assert_null(held_against(1));
	tear_down();
}

static void known_issue(void)
{
	set_up(TRUE);
	report("known", "0000:02:00.0");
	report("known", "unknown");
	for (guint i = 0; i < CASES; i++)
		g_assert_null(held_against(i));
	tear_down();
}

static void nobodys_device(void)
{
	static const char *const names[] = { "0000:fe:00.0", "0000:00:00.0", "unknown" };

	for (guint n = 0; n < G_N_ELEMENTS(names); n++) {
		set_up(TRUE);
		report("line", names[n]);
		for (guint i = 0; i < CASES; i++)
			g_assert_cmpstr(held_against(i), ==, "line");
		tear_down();
	}
}

/* On a machine at work a device with a driver is somebody else's. */
static void a_driver_at_work(void)
{
	set_up(FALSE);
	report("line", "0000:00:00.0");
	for (guint i = 0; i < CASES; i++)
		g_assert_null(held_against(i));
	report("line", "0000:fe:00.0");
	g_assert_cmpstr(held_against(0), ==, "line");
	tear_down();
}

/* One that runs then has announced it. */
static void nobodys_device_beside_another(void)
{
	set_up(TRUE);
	say(1, SAYS_SO);
	report("line", "unknown");
	for (guint i = 0; i < CASES; i++)
		g_assert_null(held_against(i));
	report("line", "0000:fe:00.0");
	g_assert_cmpstr(held_against(0), ==, "line");
	tear_down();

	/* What comes after it is another matter. */
	set_up(TRUE);
	say(1, SAYS_SO);
	g_ptr_array_remove(executor.running, cases[1]);
	report("later", "unknown");
	g_assert_cmpstr(held_against(0), ==, "later");
	g_assert_cmpstr(held_against(2), ==, "later");
	tear_down();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/executor_log/one-device", one_device);
	g_test_add_func("/executor_log/one-device-beside-another", one_device_beside_another);
	g_test_add_func("/executor_log/announced", announced);
	g_test_add_func("/executor_log/written-by-a-program", written_by_a_program);
	g_test_add_func("/executor_log/known-issue", known_issue);
	g_test_add_func("/executor_log/nobodys-device", nobodys_device);
	g_test_add_func("/executor_log/a-driver-at-work", a_driver_at_work);
	g_test_add_func("/executor_log/nobodys-device-beside-another",
			nobodys_device_beside_another);
	return g_test_run();
}
