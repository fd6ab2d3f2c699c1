// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes a run directory for the tests of the reports: nasty-run FOLDER [COUNT]. Every verdict, and texts that would break any
 * format that forgets to escape something; with COUNT, that many plain results instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/record.h"
#include "runner/text.h"

/* XML, Markdown, KTAP, YAML, LAVA, HTML and terminals each have something here to stumble over. */
#define NASTY                                                                                   \
	"<b>&amp; \"quoted\" 'single' ]]> </script><script>document.title='broken'</script> # " \
	"SKIP no "                                                                              \
	"\\x \x1b[31m \xff \xe2\x80\xae `code` | [link](x) {y} *z* \t%s"

static void check(gboolean good, GError *error)
{
	if (good)
		return;
	fprintf(stderr, "nasty-run: %s\n", error->message);
	exit(1);
}

static json_t *make_info(void)
{
	return json_pack("{s:i, s:s, s:s, s:{s:{s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s}, s:[s,s,s,s], "
			 "s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}]}, s:{s:{s:s}}}}",
			 "version", RESULTS_VERSION, "seed", "0x1234", "started",
			 "2026-01-02T03:04:05Z", "machines", "intel", "facts", "kernel", "7.3.4",
			 "command_line", "quiet <x> \"y\"", "host", "dut",
			 "iommu.dmar0.intel-iommu.ecap.fields", "PSS=20 PASID", "describe",
			 "qemu_version", "10.2.2", "accelerator", "tcg", "replay", "iommut", "lab",
			 "--profile", "intel", "devices", "name", "0000:00:05.0", "vendor", "1234",
			 "device", "11e8", "class", "00ff00", "group", "5", "driver", "vfio-pci",
			 "engine", "edu", "use", "", "amd <&>", "facts", "kernel", "6.12");
}

static void add(struct recorder *recorder, guint number, const char *profile, const char *id,
		enum verdict verdict, gboolean nasty)
{
	g_autofree char *text = text_clean(nasty ? NASTY : "", -1, 4000);
	g_autofree char *line = text_clean_line(nasty ? NASTY : "plain", -1, 4000);
	struct result result = {
		.number = number,
		.id = (char *)id,
		.profile = (char *)profile,
		.verdict = verdict,
		.reason = verdict == VERDICT_PASS ? (char *)"" : line,
		.lift = verdict == VERDICT_SKIP ? line : NULL,
		.details = text,
		.proves = (char *)"a sentence",
		.devices = (char *)"0000:00:05.0",
		.kernel = text,
		.known = verdict == VERDICT_XFAIL || verdict == VERDICT_XPASS ? line : NULL,
		.seed = 0x1234,
		.start_us = G_GINT64_CONSTANT(1767323045000000) + number,
		.duration_us = 1234 * (gint64)number,
		.timeout_ms = 10000,
		.attempt = 1,
	};
	GError *error = NULL;

	check(recorder_begin(recorder, number, id, profile, 1, &error), error);
	if (nasty) {
		static const char output[] = "a line of its output\n" NASTY;
		static const char log[] = "a line of the kernel's log\n" NASTY;

		check(recorder_save(recorder, number, "stdout", output, strlen(output), &error),
		      error);
		check(recorder_save(recorder, number, "kmsg", log, strlen(log), &error), error);
	}
	if (nasty) {
		static const char told[] = "# figure: unmap_p99 12.3 us\n# figure: maps 5e5 /s\n"
					   "# figure: share 98.76 %\n# figure: <b> 1 us\n";

		result.figures = figures_read(told, strlen(told));
	}
	check(recorder_add(recorder, &result, &error), error);
	g_clear_pointer(&result.figures, g_array_unref);
}

static void add_nasty(struct recorder *recorder)
{
	guint number = 1;

	for (guint i = 0; i < VERDICT_COUNT; i++) {
		g_autofree char *id = g_strdup_printf("dma/%s[engine=edu,backend=type1,size=4K]",
						      verdict_name(i));
		/* For LAVA these two would become one. */
		g_autofree char *twin = g_strdup_printf("dma/%s[engine=edu,backend=type1_size=4K]",
							verdict_name(i));

		add(recorder, number++, "intel", id, i, TRUE);
		add(recorder, number++, "intel", twin, i, FALSE);
		add(recorder, number++, "amd <&>", id, i, FALSE);
	}
	check(recorder_begin(recorder, number, "dma/in_flight", "intel", 1, NULL), NULL);
}

static void add_many(struct recorder *recorder, guint count)
{
	static const char *const backends[] = { "type1", "compat", "iommufd" };

	for (guint i = 0; i < count; i++) {
		g_autofree char *id = g_strdup_printf("suite%u/case[backend=%s,n=%u]", i % 10,
						      backends[i % 3], i);

		add(recorder, i + 1, "intel", id, i % 1000 == 0 ? VERDICT_FAIL : VERDICT_PASS,
		    FALSE);
	}
}

int main(int argc, char **argv)
{
	GError *error = NULL;
	struct recorder *recorder;
	json_t *info;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: nasty-run FOLDER [COUNT]\n");
		return 2;
	}
	info = make_info();
	if (argc == 3)
		json_object_set_new(info, "finished", json_string("2026-01-02T03:05:00Z"));
	recorder = recorder_new(argv[1], info, FALSE, &error);
	check(recorder != NULL, error);
	if (argc == 3)
		add_many(recorder, (guint)atoi(argv[2]));
	else
		add_nasty(recorder);
	recorder_free(recorder);
	json_decref(info);
	return 0;
}
