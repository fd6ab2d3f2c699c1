// SPDX-License-Identifier: GPL-2.0-or-later
/* iommut lab: the same run, in guests. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lab/lab.h"
#include "runner/plan.h"
#include "runner/run.h"

/* Beyond that, booting them takes longer than what they take over. */
#define MAX_GUESTS_OF_EACH 4
/* What nobody types: --jobs was not given. */
#define JOBS_UNSAID G_MAXINT

static const char description[] =
	"Without --profile, every profile that --list-profiles marks is booted, several at\n"
	"once.\n\n"
	"Examples:\n"
	"  iommut lab\n"
	"  iommut lab --profile amd --profile virtio blocked\n"
	"  iommut lab --kernel ~/linux --profile intel-scalable -x\n"
	"  iommut lab --selftests kselftest-iommu\n"
	"  iommut lab demo            what a pass and a failure look like\n";

/* The words that boot the same machine again. */
static char **lab_replay(const struct lab_options *options, const struct run_options *run,
			 const struct lab_profile *profile)
{
	const char *const pairs[][2] = {
		{ "--profile", profile->file },
		{ "--kernel", options->kernel },
		{ "--modules", options->modules },
		{ "--qemu", options->qemu },
	};
	GPtrArray *words = g_ptr_array_new();

	g_ptr_array_add(words, g_strdup("iommut"));
	g_ptr_array_add(words, g_strdup("lab"));
	for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
		if (!pairs[i][1])
			continue;
		g_ptr_array_add(words, g_strdup(pairs[i][0]));
		g_ptr_array_add(words, g_strdup(pairs[i][1]));
	}
	cli_replay_tests(run, words);
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

/* One case by its ID, and nothing else. */
static gboolean is_one_case(const struct run_options *options)
{
	char **patterns = options->patterns;

	return patterns && patterns[0] && !patterns[1] && strchr(patterns[0], '[') &&
	       !strpbrk(patterns[0], "*?") && options->repeat == 1;
}

/* Whether so much runs that the time of booting guests is little beside it. */
static gboolean is_everything(const struct run_options *options)
{
	return !(options->patterns && options->patterns[0]) && !options->words && !options->marks &&
	       !options->last_failed && !options->shard_count;
}

/*
 * The guests of one profile share its cases. Processors that would have no guest get one; and where everything runs, every processor
 * gets one of each profile: otherwise the last profile would run on one processor while the others have nothing to do.
 */
static guint guests_of_each(const struct run_options *options, const GPtrArray *profiles)
{
	guint machines = (guint)options->machines;

	if (options->dry_run || is_one_case(options))
		return 1;
	if (!is_everything(options))
		machines /= profiles->len;
	return CLAMP(machines, 1, MAX_GUESTS_OF_EACH);
}

static enum exit_status in_guests(const struct lab_options *lab, const struct run_options *options,
				  const struct lab_config *config, const GPtrArray *profiles,
				  const char *accelerator)
{
	guint each = guests_of_each(options, profiles), count = profiles->len * each;
	g_autofree struct run_target *targets = g_new0(struct run_target, count);
	enum exit_status code;

	for (guint i = 0; i < count; i++) {
		const struct lab_profile *profile = profiles->pdata[i / each];

		targets[i].transport = lab_transport(config, profile, accelerator);
		targets[i].replay = lab_replay(lab, options, profile);
		targets[i].share = i % each + 1;
		targets[i].shares = each;
	}
	code = options->dry_run ? run_list(options, targets, count)
				: run_targets(options, targets, count);
	for (guint i = 0; i < count; i++) {
		targets[i].transport->ops->free(targets[i].transport);
		g_strfreev(targets[i].replay);
	}
	return code;
}

static enum exit_status print_qemu(const struct lab_config *config, const GPtrArray *profiles,
				   const char *accelerator)
{
	for (guint i = 0; i < profiles->len; i++) {
		GError *error = NULL;

		if (!lab_print_command(config, profiles->pdata[i], accelerator, &error))
			return cli_complain(error);
	}
	return EXIT_STATUS_GOOD;
}

/*
 * What nobody asked for costs every case: whenever a device appears or goes, QEMU builds the address spaces of all of them anew.
 * With --device, the addresses of all devices have to be those of the profile.
 */
static void leave_out_other_engines(const struct run_options *options, const GPtrArray *profiles)
{
	const char *const *engines = (const char *const *)options->engines;

	if (!engines || !*engines || (options->devices && *options->devices))
		return;
	for (guint i = 0; i < profiles->len; i++) {
		struct lab_profile *profile = profiles->pdata[i];

		if (!g_strv_contains(engines, "pcie-ats-testdev"))
			profile->testdev = 0;
		if (!g_strv_contains(engines, "edu"))
			profile->edu = 0;
	}
}

/*
 * edu sleeps most of the time. Devices that never do would only take turns on a processor, and each turn empties QEMU's cache of
 * translated addresses.
 */
static void choose_jobs(struct run_options *options, const GPtrArray *profiles,
			const char *accelerator)
{
	if (options->jobs != JOBS_UNSAID)
		return;
	options->jobs = LAB_JOBS;
	for (guint i = 0; i < profiles->len; i++) {
		const struct lab_profile *profile = profiles->pdata[i];

		if (profile->edu || profile->others->len)
			return;
	}
	options->jobs = (int)lab_processors(accelerator);
}

/* Linux's own tests are tests of others, which the set-up built. */
static gboolean add_selftests(const struct lab_config *config, struct run_options *options,
			      GError **error)
{
	g_autoptr(GStrvBuilder) paths = g_strv_builder_new();

	if (!config->selftests) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_SYSTEM,
			    "--selftests: the set-up has not built them: it does with the lab's "
			    "own kernel (`make lab`)");
		return FALSE;
	}
	for (char **path = options->tests; path && *path; path++)
		g_strv_builder_add(paths, *path);
	g_strv_builder_add(paths, config->selftests);
	g_strfreev(options->tests);
	options->tests = g_strv_builder_end(paths);
	return TRUE;
}

static enum exit_status with_options(const struct lab_options *lab, struct run_options *options)
{
	g_autofree char *why = NULL;
	g_autoptr(lab_config) config = NULL;
	GError *error = NULL;
	g_autoptr(GPtrArray) profiles = lab_chosen_profiles(lab, &error);
	const char *accelerator;

	if (!profiles)
		return cli_complain(error);
	if (lab->list) {
		lab_print_profiles(profiles);
		return EXIT_STATUS_GOOD;
	}
	config = lab_config_new(lab->kernel, lab->modules, lab->qemu, &error);
	if (!config)
		return cli_complain(error);
	if (lab->selftests && !add_selftests(config, options, &error))
		return cli_complain(error);
	leave_out_other_engines(options, profiles);
	config->chosen = plan_suites(options);
	accelerator = lab_accelerator(config, &why);
	if (!lab_drop_unavailable(config, lab, accelerator, profiles, &error))
		return cli_complain(error);
	choose_jobs(options, profiles, accelerator);
	if (lab->print_qemu)
		return print_qemu(config, profiles, accelerator);
	if (!options->quiet)
		fprintf(stderr, "Accelerator: %s (%s)\n", accelerator, why);
	return in_guests(lab, options, config, profiles, accelerator);
}

enum exit_status command_lab(const struct command *command, int argc, char **argv)
{
	GOptionContext *context = cli_context(command, description);
	struct run_options *options = run_options_new();
	struct lab_options lab = { 0 };
	enum exit_status code;
	enum parsed parsed;

	options->jobs = JOBS_UNSAID;

	g_option_context_add_group(context, lab_option_group(&lab));
	run_options_add(options, context, TRUE);
	parsed = cli_parse_run(context, argc, argv, options);
	if (parsed == PARSED_GO_ON)
		code = with_options(&lab, options);
	else
		code = parsed == PARSED_HELP_SHOWN ? EXIT_STATUS_GOOD : EXIT_STATUS_USAGE;
	run_options_free(options);
	lab_options_clear(&lab);
	return code;
}
