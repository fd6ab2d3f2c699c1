// SPDX-License-Identifier: GPL-2.0-or-later
/* Looking at a machine without running anything. */
#include <stdio.h>

#include "runner/folders.h"
#include "runner/known.h"
#include "runner/output.h"
#include "runner/plan.h"
#include "runner/run_state.h"
#include "runner/session.h"

static struct machine *look_at(const struct run_target *target, char **suites, GError **error)
{
	struct session *session = session_open(target->transport, -1, error);
	struct machine *machine = session ? session_machine(session, suites, error) : NULL;

	session_close(session, machine != NULL, NULL);
	return machine;
}

static void print_item(const struct item *item, const char *profile, int verbosity)
{
	if (profile)
		printf("%s: ", profile);
	printf("%s\n", item->id);
	if (verbosity < 1)
		return;
	printf("        %s\n", item->which->proves);
	if (item->which->rule && *item->which->rule)
		printf("        rule: %s\n", item->which->rule);
	if (item->which->marks[0]) {
		g_autofree char *marks = g_strjoinv(" ", item->which->marks);

		printf("        marks: %s\n", marks);
	}
	if (item->skip)
		printf("        skipped here: %s; lift: %s\n", item->skip, item->lift);
}

enum exit_status run_list(const struct run_options *options, const struct run_target *targets,
			  gsize count)
{
	g_autofree char *last = folders_last_run(NULL);
	g_auto(GStrv) suites = plan_suites(options);
	struct earlier earlier = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GHashTable) planned =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GString) plan = g_string_new(NULL);
	gboolean any = FALSE;
	g_autoptr(GPtrArray) tests = run_give_tests(options, targets, count, &error);
	/* They change nothing here, but a mistake in them is told before the run. */
	struct known_issues *known = tests ? known_load_all(options->known, &error) : NULL;
	gboolean good = known && earlier_load(&earlier, options, last, &error);

	for (gsize i = 0; good && i < count; i++) {
		const char *profile = targets[i].transport->name;
		struct machine *machine = look_at(&targets[i], suites, &error);
		GPtrArray *items =
			machine ? plan_arrange(machine, options, &earlier, profile, &error) : NULL;

		if (!items) {
			machine_free(machine);
			good = FALSE;
			break;
		}
		for (guint j = 0; j < items->len; j++) {
			print_item(items->pdata[j], count > 1 ? profile : NULL, options->verbose);
			run_note_plan(planned, plan, items->pdata[j]);
		}
		any = any || items->len;
		g_ptr_array_unref(items);
		machine_free(machine);
	}
	earlier_clear(&earlier);
	known_free(known);
	good = good && (!options->plan_out || output_save(options->plan_out, plan, &error));
	if (!good)
		return run_complain(error);
	return any ? EXIT_STATUS_GOOD : EXIT_STATUS_NOTHING;
}

enum exit_status run_devices(const struct run_options *options, const struct run_target *target)
{
	char *no_suites[] = { (char *)"", NULL };
	g_autoptr(GError) error = NULL;
	struct machine *machine = look_at(target, no_suites, &error);
	guint shown = 0;

	if (!machine)
		return run_complain(error);
	printf("%-14s %-9s %-6s %-16s %-18s %s\n", "DEVICE", "ID", "GROUP", "DRIVER", "ENGINE",
	       "USE");
	for (guint i = 0; i < machine->devices->len; i++) {
		const struct device *device = machine->devices->pdata[i];

		if (!*device->engine && !options->verbose)
			continue;
		shown++;
		printf("%-14s %s:%s %-6s %-16s %-18s %s\n", device->name, device->vendor,
		       device->product, *device->group ? device->group : "-",
		       *device->driver ? device->driver : "-",
		       *device->engine ? device->engine : "-", *device->use ? device->use : "-");
	}
	if (!shown)
		printf("none that an engine can drive; -v shows all\n");
	machine_free(machine);
	return EXIT_STATUS_GOOD;
}
