// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/options.h"

#include <string.h>

#include "runner/expression.h"
#include "runner/fixture.h"
#include "runner/output.h"
#include "runner/plan_file.h"
#include "runner/verdict.h"

struct run_options *run_options_new(void)
{
	struct run_options *options = g_new0(struct run_options, 1);

	options->jobs = 1;
	options->timeout_factor = 1;
	options->repeat = 1;
	return options;
}

void run_options_free(struct run_options *options)
{
	if (!options)
		return;
	g_strfreev(options->patterns);
	g_free(options->words);
	g_free(options->marks);
	g_strfreev(options->params);
	g_strfreev(options->engines);
	g_strfreev(options->devices);
	g_strfreev(options->backends);
	g_strfreev(options->deselect);
	g_strfreev(options->tests);
	g_free(options->plan);
	g_free(options->plan_out);
	g_strfreev(options->plan_ids);
	g_free(options->resume);
	g_strfreev(options->command);
	g_free(options->output);
	g_free(options->ktap);
	g_free(options->junit);
	g_free(options->html);
	g_free(options->markdown);
	g_strfreev(options->known);
	g_strfreev(options->allow_log);
	g_free(options->seed_text);
	g_free(options->shuffle_text);
	g_strfreev(options->abort_words);
	g_strfreev(options->fixture_texts);
	g_clear_pointer(&options->fixtures, g_ptr_array_unref);
	g_free(options->shard);
	g_free(options->balance);
	g_free(options);
}

static gboolean count_verbose(const char *name, const char *value, gpointer data, GError **error)
{
	struct run_options *options = data;

	options->verbose++;
	return TRUE;
}

static gboolean take_shuffle(const char *name, const char *value, gpointer data, GError **error)
{
	struct run_options *options = data;

	options->shuffle = TRUE;
	g_free(options->shuffle_text);
	options->shuffle_text = g_strdup(value);
	return TRUE;
}

static GOptionGroup *add_group(GOptionContext *context, struct run_options *options,
			       const char *name, const char *title, const GOptionEntry *entries)
{
	g_autofree char *help = g_strdup_printf("Show the options of %s", name);
	GOptionGroup *group = g_option_group_new(name, title, help, options, NULL);

	g_option_group_add_entries(group, entries);
	g_option_context_add_group(context, group);
	return group;
}

static void add_choosing(struct run_options *o, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "words", 'k', 0, G_OPTION_ARG_STRING, &o->words,
		  "Words of the ID: 'unmap and not (type1 or 2M)'", "EXPR" },
		{ "marks", 'm', 0, G_OPTION_ARG_STRING, &o->marks,
		  "Marks: smoke, slow, perf, stress, destructive, demo", "EXPR" },
		{ "param", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->params,
		  "Only these values of a parameter", "NAME=VALUE[,VALUE]" },
		{ "backend", 'b', 0, G_OPTION_ARG_STRING_ARRAY, &o->backends,
		  "type1, compat or iommufd; may be repeated", "NAME" },
		{ "engine", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &o->engines,
		  "Only devices of this engine; may be repeated", "NAME" },
		{ "device", 'd', 0, G_OPTION_ARG_STRING_ARRAY, &o->devices,
		  "Use this device; each of several is judged by itself", "BDF|VENDOR:DEVICE" },
		{ "deselect", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->deselect,
		  "Leave out what matches; may be repeated", "PATTERN" },
		{ "tests", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->tests,
		  "Also the tests of others that this file, or the files of this folder, describe",
		  "PATH" },
		{ "last-failed", 0, 0, G_OPTION_ARG_NONE, &o->last_failed,
		  "Only what failed in the last run", NULL },
		{ "plan", 0, 0, G_OPTION_ARG_FILENAME, &o->plan,
		  "Only the IDs in a file, in their order", "FILE" },
		{ "shard", 0, 0, G_OPTION_ARG_STRING, &o->shard,
		  "One of N parts; a case is always in the same. slurm: the part of this task of a "
		  "job array",
		  "I/N|slurm" },
		{ "balance", 0, 0, G_OPTION_ARG_FILENAME, &o->balance,
		  "Parts of --shard that take the same time, as this run tells", "RUN" },
		{ "verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, count_verbose,
		  "Say more; twice even more", NULL },
		{ 0 },
	};

	add_group(context, o, "choosing", "Choosing cases:", entries);
}

static void add_ordering(struct run_options *o, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "failed-first", 0, 0, G_OPTION_ARG_NONE, &o->failed_first,
		  "What failed in the last run comes first", NULL },
		{ "new-first", 0, 0, G_OPTION_ARG_NONE, &o->new_first,
		  "What was no part of the last run comes first", NULL },
		{ "shuffle", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, take_shuffle,
		  "In a random order, which this or --seed chooses", "SEED" },
		{ "seed", 0, 0, G_OPTION_ARG_STRING, &o->seed_text,
		  "Of every random choice; a new one each time otherwise", "NUMBER" },
		{ "plan-out", 0, 0, G_OPTION_ARG_FILENAME, &o->plan_out,
		  "Write the IDs that run to a file, for --plan", "FILE" },
		{ 0 },
	};

	add_group(context, o, "ordering", "Ordering cases:", entries);
}

static void add_running(struct run_options *o, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "stop-first", 'x', 0, G_OPTION_ARG_NONE, &o->stop_first,
		  "Stop at the first failure", NULL },
		{ "max-fail", 0, 0, G_OPTION_ARG_INT, &o->max_fail, "Stop after N failures", "N" },
		{ "abort-on", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->abort_words,
		  "Run nothing more on a machine after this: taint, kernel (a WARN, BUG, lockdep "
		  "... line), lost=N (it was lost N times); may be repeated",
		  "WHAT[,WHAT]" },
		{ "until-fail", 0, 0, G_OPTION_ARG_NONE, &o->until_fail,
		  "Repeat until something fails", NULL },
		{ "resume", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &o->resume,
		  "Go on with a run: iommut resume", "DIR" },
		{ "repeat", 0, 0, G_OPTION_ARG_INT, &o->repeat, "Run each case N times", "N" },
		{ "jobs", 'j', 0, G_OPTION_ARG_INT, &o->jobs,
		  "Cases at once on one machine, each on a device of its own (run: 1; lab: as "
		  "many as it has devices that sleep meanwhile, or processors)",
		  "N" },
		{ "machines", 0, 0, G_OPTION_ARG_INT, &o->machines,
		  "Lab guests at once (as many as processors); those of one profile share its "
		  "cases",
		  "N" },
		{ "timeout-factor", 0, 0, G_OPTION_ARG_DOUBLE, &o->timeout_factor,
		  "Give every case more time, or less", "X" },
		{ "allow-log", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->allow_log,
		  "Kernel log lines that are no failure", "REGEX" },
		{ "known-issues", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->known,
		  "Failures that are expected, and where", "FILE" },
		{ "fixture", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->fixture_texts,
		  "Make this ready on the machine, and undo it: hugepages=N[xSIZE] or module=NAME, "
		  "for "
		  "the run, each suite or each case; may be repeated",
		  "[SCOPE:]WHAT=VALUE" },
		{ "force", 0, 0, G_OPTION_ARG_NONE, &o->force,
		  "Take devices that are in use from their drivers", NULL },
		{ "dry-run", 'n', 0, G_OPTION_ARG_NONE, &o->dry_run, "Only print what would run",
		  NULL },
		{ 0 },
	};

	add_group(context, o, "running", "Running:", entries);
}

static void add_reporting(struct run_options *o, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output,
		  "Run directory; must not exist", "DIR" },
		{ "ktap", 0, 0, G_OPTION_ARG_FILENAME, &o->ktap,
		  "Write a KTAP report, - for stdout", "FILE" },
		{ "junit", 0, 0, G_OPTION_ARG_FILENAME, &o->junit, "Write a JUnit XML report",
		  "FILE" },
		{ "html", 0, 0, G_OPTION_ARG_FILENAME, &o->html, "Write an HTML report", "FILE" },
		{ "markdown", 0, 0, G_OPTION_ARG_FILENAME, &o->markdown,
		  "Write a summary in Markdown", "FILE" },
		{ "durations", 0, 0, G_OPTION_ARG_INT, &o->durations, "Show the N slowest cases",
		  "N" },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "Only the summary", NULL },
		{ 0 },
	};

	add_group(context, o, "reporting", "Reporting:", entries);
}

void run_options_add(struct run_options *options, GOptionContext *context, gboolean running)
{
	add_choosing(options, context);
	add_ordering(options, context);
	if (!running)
		return;
	add_running(options, context);
	add_reporting(options, context);
}

static gboolean usage(GError **error, const char *what, const char *value)
{
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "%s: %s", what, value);
	return FALSE;
}

static gboolean take_number(const char *text, guint64 least, guint64 most, guint64 *number)
{
	return text && g_ascii_string_to_unsigned(text, 10, least, most, number, NULL);
}

/* Slurm numbers the tasks of an array as its user likes: from MIN in steps. */
static gboolean slurm_shard(struct run_options *options, GError **error)
{
	guint64 task, first, step = 1, count;

	if (!take_number(g_getenv("SLURM_ARRAY_TASK_ID"), 0, G_MAXINT, &task) ||
	    !take_number(g_getenv("SLURM_ARRAY_TASK_MIN"), 0, task, &first) ||
	    !take_number(g_getenv("SLURM_ARRAY_TASK_COUNT"), 1, G_MAXINT, &count) ||
	    (g_getenv("SLURM_ARRAY_TASK_STEP") &&
	     !take_number(g_getenv("SLURM_ARRAY_TASK_STEP"), 1, G_MAXINT, &step)) ||
	    (task - first) / step >= count)
		return usage(error, "--shard slurm is for a task of a Slurm job array",
			     "SLURM_ARRAY_TASK_ID, _MIN and _COUNT do not tell which");
	options->shard_index = (guint)((task - first) / step) + 1;
	options->shard_count = (guint)count;
	return TRUE;
}

static gboolean check_shard(struct run_options *options, GError **error)
{
	g_auto(GStrv) parts = NULL;
	guint64 index, count;

	if (!options->shard)
		return !options->balance ||
		       usage(error, "--balance is about the parts of --shard, not", "all cases");
	if (g_str_equal(options->shard, "slurm"))
		return slurm_shard(options, error);
	parts = g_strsplit(options->shard, "/", 2);
	if (!take_number(parts[0], 1, G_MAXINT, &index) ||
	    !take_number(parts[1], index, G_MAXINT, &count))
		return usage(error, "--shard is I/N with I from 1 to N, or slurm, not",
			     options->shard);
	options->shard_index = (guint)index;
	options->shard_count = (guint)count;
	return TRUE;
}

static gboolean parse_seed(const char *option, const char *text, guint64 *seed, GError **error)
{
	gboolean hex = g_ascii_strncasecmp(text, "0x", 2) == 0;

	return g_ascii_string_to_unsigned(text + (hex ? 2 : 0), hex ? 16 : 10, 0, G_MAXUINT64, seed,
					  NULL) ||
	       usage(error, option, text);
}

static gboolean check_seeds(struct run_options *options, GError **error)
{
	if (!options->seed_text)
		options->seed = (guint64)g_random_int() << 32 | g_random_int();
	else if (!parse_seed("--seed is a number of 64 bits, not", options->seed_text,
			     &options->seed, error))
		return FALSE;
	options->shuffle_seed = options->seed;
	return !options->shuffle_text ||
	       parse_seed("--shuffle takes a number of 64 bits, not", options->shuffle_text,
			  &options->shuffle_seed, error);
}

static gboolean take_abort_word(struct run_options *options, const char *word, GError **error)
{
	static const char lost[] = "lost=";
	guint64 count;

	if (g_str_equal(word, "taint")) {
		options->abort_on |= ABORT_ON_TAINT;
	} else if (g_str_equal(word, "kernel")) {
		options->abort_on |= ABORT_ON_KERNEL;
	} else if (g_str_has_prefix(word, lost) &&
		   take_number(word + strlen(lost), 1, G_MAXINT, &count)) {
		options->max_lost = (guint)count;
	} else {
		return usage(error, "--abort-on knows taint, kernel and lost=N, not", word);
	}
	return TRUE;
}

static gboolean check_abort(struct run_options *options, GError **error)
{
	for (char **list = options->abort_words; list && *list; list++) {
		g_auto(GStrv) words = g_strsplit(*list, ",", -1);

		for (char **word = words; *word; word++)
			if (!take_abort_word(options, *word, error))
				return FALSE;
	}
	return TRUE;
}

static gboolean check_regexes(const struct run_options *options, GError **error)
{
	for (char **regex = options->allow_log; regex && *regex; regex++) {
		g_autoptr(GError) problem = NULL;
		g_autoptr(GRegex) compiled = g_regex_new(*regex, 0, 0, &problem);

		if (!compiled)
			return usage(error, "--allow-log", problem->message);
	}
	return TRUE;
}

static gboolean check_fixtures(struct run_options *options, GError **error)
{
	options->fixtures = g_ptr_array_new_with_free_func(fixture_free);
	for (char **text = options->fixture_texts; text && *text; text++) {
		struct fixture *fixture = fixture_parse(*text, error);

		if (!fixture)
			return FALSE;
		g_ptr_array_add(options->fixtures, fixture);
	}
	return TRUE;
}

/* Its IDs are patterns too; together with others they would only be more of the same. */
static gboolean read_plan(struct run_options *options, GError **error)
{
	if (options->patterns && options->patterns[0])
		return usage(error, "--plan says which cases, so there can be no pattern",
			     options->patterns[0]);
	options->plan_ids = plan_file_load(options->plan, error);
	if (!options->plan_ids)
		return FALSE;
	g_strfreev(options->patterns);
	options->patterns = g_strdupv(options->plan_ids);
	return TRUE;
}

static gboolean check_numbers(const struct run_options *options, GError **error)
{
	const struct {
		const char *name;
		int value, least;
	} numbers[] = {
		{ "--jobs", options->jobs, 1 },           { "--machines", options->machines, 0 },
		{ "--repeat", options->repeat, 1 },       { "--max-fail", options->max_fail, 0 },
		{ "--durations", options->durations, 0 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_autofree char *least = g_strdup_printf("must be at least %d, not %d",
							 numbers[i].least, numbers[i].value);

		if (numbers[i].value < numbers[i].least)
			return usage(error, numbers[i].name, least);
	}
	return TRUE;
}

/* Cases that know no backend would run all the same, and a typing mistake look like success. */
static gboolean check_backends(const struct run_options *options, GError **error)
{
	static const char *const known[] = { "type1", "compat", "iommufd", NULL };

	for (char **backend = options->backends; backend && *backend; backend++)
		if (!g_strv_contains(known, *backend))
			return usage(error, "--backend is type1, compat or iommufd, not", *backend);
	return TRUE;
}

static gboolean check_patterns(const struct run_options *options, GError **error)
{
	for (char **pattern = options->patterns; pattern && *pattern; pattern++)
		if (!**pattern)
			return usage(error, "a pattern is empty",
				     "leave it out, or name cases as SUITE/CASE");
	return TRUE;
}

static gboolean check_outputs(const struct run_options *options, GError **error)
{
	return output_check("--ktap", options->ktap, error) &&
	       output_check("--junit", options->junit, error) &&
	       output_check("--html", options->html, error) &&
	       output_check("--markdown", options->markdown, error) &&
	       output_check("--plan-out", options->plan_out, error);
}

gboolean run_options_check(struct run_options *options, GError **error)
{
	for (char **param = options->params; param && *param; param++)
		if (**param == '=' || !strchr(*param, '=') || !strchr(*param, '=')[1])
			return usage(error, "--param is NAME=VALUE[,VALUE], not", *param);
	if (options->words && !expression_check(options->words, error))
		return FALSE;
	if (options->marks && !expression_check(options->marks, error))
		return FALSE;
	if (!check_patterns(options, error) || !check_numbers(options, error) ||
	    !check_backends(options, error))
		return FALSE;
	if (!(options->timeout_factor > 0 && options->timeout_factor <= 1000))
		return usage(error, "--timeout-factor", "must be above 0 and at most 1000");
	if (options->stop_first || (options->until_fail && !options->max_fail))
		options->max_fail = 1;
	if (options->plan && !read_plan(options, error))
		return FALSE;
	if (!options->machines)
		options->machines = (int)g_get_num_processors();
	return check_shard(options, error) && check_seeds(options, error) &&
	       check_abort(options, error) && check_fixtures(options, error) &&
	       check_regexes(options, error) && check_outputs(options, error);
}
