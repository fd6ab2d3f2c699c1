// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line, the list and the endings of a suite, seen from outside. */
#include <glib.h>
#include <jansson.h>
#include <string.h>
#include <sys/wait.h>

static const char *sample;

struct ending {
	char *output;
	char *errors;
	int status;
};

static void run(struct ending *ending, ...)
{
	g_autoptr(GPtrArray) command = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	va_list arguments;
	char *argument;

	g_ptr_array_add(command, (char *)sample);
	va_start(arguments, ending);
	while ((argument = va_arg(arguments, char *)))
		g_ptr_array_add(command, argument);
	va_end(arguments);
	g_ptr_array_add(command, NULL);
	g_spawn_sync(NULL, (char **)command->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL,
		     &ending->output, &ending->errors, &ending->status, &error);
	g_assert_no_error(error);
}

static void clear(struct ending *ending)
{
	g_free(ending->output);
	g_free(ending->errors);
}

static void assert_exit(const struct ending *ending, int code)
{
	g_assert_true(WIFEXITED(ending->status));
	g_assert_cmpint(WEXITSTATUS(ending->status), ==, code);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		g_error("'%s' is not in:\n%s", part, text);
}

static void test_pass(void)
{
	struct ending ending;

	run(&ending, "--run", "passes", "--seed", "1", NULL);
	assert_exit(&ending, 0);
	g_assert_cmpstr(ending.output, ==,
			"KTAP version 1\n1..1\n# undone: second\n# undone: first\nok 1 passes\n");
	clear(&ending);
}

static void test_left_behind(void)
{
	static const char *const variants[] = { "leaks[after=pass]", "leaks[after=skip]" };
	struct ending ending;

	for (size_t i = 0; i < G_N_ELEMENTS(variants); i++) {
		g_autofree char *result = g_strdup_printf("\nnot ok 1 %s\n", variants[i]);

		run(&ending, "--run", variants[i], "--seed", "1", NULL);
		assert_exit(&ending, 1);
		assert_has(ending.output, "still open: /dev/null\n");
		assert_has(ending.output, "# expected: everything given back");
		assert_has(ending.output, result);
		clear(&ending);
	}
	run(&ending, "--run", "locks", "--seed", "1", NULL);
	if (!strstr(ending.output, "# SKIP")) {
		assert_exit(&ending, 1);
		assert_has(ending.output, "64 KiB are still accounted as locked");
	}
	clear(&ending);
}

#define PROVOKES "# this case provokes faults: "

static void test_faults(void)
{
	struct ending ending;

	run(&ending, "--run", "provokes", "--seed", "1", NULL);
	assert_exit(&ending, 0);
	g_assert_cmpstr(ending.output, ==,
			"KTAP version 1\n1..1\n" PROVOKES
			"0000:05:00.0 read+write 0x1000-0x2fff pasid=none\n" PROVOKES
			"0000:05:00.0 write 0x2000-0x3000 pasid=none\n" PROVOKES
			"0000:05:00.0 write 0x2000-0x3000 pasid=7\n" PROVOKES
			"0000:05:00.0 write 0x2000-0x3000 pasid=any\n" PROVOKES
			"0000:05:00.0 read 0x2000-0x3000 pasid=8\n" PROVOKES
			"0000:06:00.0 interrupt\n" PROVOKES
			"0000:06:00.0 page-request\nok 1 provokes\n");
	clear(&ending);
}

static void test_figures(void)
{
	static const char *const wrong[] = { "name",  "long",  "empty", "number",
					     "large", "twice", "many" };
	struct ending ending;

	run(&ending, "--run", "measures", "--seed", "1", NULL);
	assert_exit(&ending, 0);
	g_assert_cmpstr(ending.output, ==,
			"KTAP version 1\n1..1\n# figure: map_p99 12.25 us\n"
			"# figure: maps 1234567 /s\n# figure: share 0 %\nok 1 measures\n");
	clear(&ending);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *variant = g_strdup_printf("mismeasures[how=%s]", wrong[i]);

		run(&ending, "--run", variant, "--seed", "1", NULL);
		assert_exit(&ending, 70);
		assert_has(ending.errors, "mistake in the suite");
		clear(&ending);
	}
}

static void test_failures(void)
{
	static const struct {
		const char *kind, *seen;
	} cases[] = {
		{ "true", "expected: 1 + 1 == 3" },
		{ "zero", "it returned -EBUSY" },
		{ "errno", "it returned -EBUSY (Device or resource busy) instead of -EINVAL" },
		{ "equal", "seen: 5 (0x5) instead of 6 (0x6)" },
		{ "that", "seen: the number 42" },
		{ "fail", "seen: two\n# lines" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *variant = g_strdup_printf("expectation[kind=%s]", cases[i].kind);
		g_autofree char *result = g_strdup_printf("\nnot ok 1 %s\n", variant);
		struct ending ending;

		run(&ending, "--run", variant, "--seed", "0x1f", NULL);
		assert_exit(&ending, 1);
		assert_has(ending.output, cases[i].seen);
		assert_has(ending.output, "# seed: 0x1f\n");
		assert_has(ending.output, "# undone: everything\n");
		g_assert_true(g_str_has_suffix(ending.output, result));
		clear(&ending);
	}
}

static void test_skip(void)
{
	struct ending ending;

	run(&ending, "--run", "skips", NULL);
	assert_exit(&ending, 4);
	/* Neither a hash nor a newline of the reason may break the line. */
	assert_has(ending.output,
		   "# undone: the skip\nok 1 skips # SKIP no   moon; lift: a rocket\n");
	clear(&ending);
}

static void test_crash(void)
{
	struct ending ending;

	run(&ending, "--run", "crashes", NULL);
	g_assert_true(WIFSIGNALED(ending.status));
	g_assert_null(strstr(ending.output, "ok 1"));
	clear(&ending);
}

static void test_child(void)
{
	struct ending ending;

	run(&ending, "--run", "child", NULL);
	assert_exit(&ending, 0);
	assert_has(ending.output, "\nok 1 child\n");
	g_assert_null(strstr(ending.output, "not ok"));
	clear(&ending);
}

static void test_parameters(void)
{
	struct ending ending;

	run(&ending, "--run", "parameters[size=4K,mode=fancy]", NULL);
	assert_exit(&ending, 0);
	assert_has(ending.output, "# size 4096 mode fancy\n");
	clear(&ending);
	run(&ending, "--run", "parameters[size=2M]", NULL);
	assert_exit(&ending, 0);
	assert_has(ending.output, "# size 2097152 mode plain\n");
	clear(&ending);
	/* A size that is not listed is the user's own choice. */
	run(&ending, "--run", "parameters[size=12K]", NULL);
	assert_exit(&ending, 0);
	assert_has(ending.output, "# size 12288 mode plain\n");
	clear(&ending);
}

static void test_usage(void)
{
	static const char *const wrong[][4] = {
		{ "--run", "nothing", NULL },
		{ "--run", "parameters", NULL },
		{ "--run", "parameters[size=big]", NULL },
		{ "--run", "parameters[size=4K,size=4K]", NULL },
		{ "--run", "parameters[size=4K,colour=red]", NULL },
		{ "--run", "parameters[size=4K,mode=loud]", NULL },
		{ "--run", "parameters[size=4K", NULL },
		{ "--run", "parameters[size]", NULL },
		{ "--run", "needs_device", NULL },
		{ "--run", "passes", "extra", NULL },
		{ "--colour", NULL },
		{ NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		struct ending ending;

		run(&ending, wrong[i][0], wrong[i][1], wrong[i][2], NULL);
		assert_exit(&ending, 2);
		g_assert_cmpstr(ending.output, ==, "");
		assert_has(ending.errors, "usage:");
		clear(&ending);
	}
}

static char *random_of(const char *variant, const char *seed)
{
	struct ending ending;
	char *random;

	run(&ending, "--run", variant, "--seed", seed, NULL);
	assert_exit(&ending, 0);
	random = g_strndup(strstr(ending.output, "# random ") + 9, 16);
	clear(&ending);
	return random;
}

static void test_randomness(void)
{
	g_autofree char *first = random_of("randomness[which=a]", "5");
	g_autofree char *again = random_of("randomness[which=a]", "5");
	g_autofree char *other_seed = random_of("randomness[which=a]", "6");
	g_autofree char *other_variant = random_of("randomness[which=b]", "5");

	g_assert_cmpstr(first, ==, again);
	g_assert_cmpstr(first, !=, other_seed);
	g_assert_cmpstr(first, !=, other_variant);
}

static void test_device(void)
{
	struct ending ending;

	run(&ending, "--run", "needs_device", "--engine", "edu", "--device", "0000:00:05.0", NULL);
	assert_exit(&ending, 0);
	assert_has(ending.output, "# device 0000:00:05.0\n");
	clear(&ending);
}

/* Every line is an object that has what the planner reads, in the order in which the cases are written. */
static void test_list(void)
{
	static const char *const names[] = { "passes",      "expectation", "leaks",
					     "locks",       "provokes",    "measures",
					     "mismeasures", "skips",       "crashes",
					     "child",       "parameters",  "randomness",
					     "needs_device" };
	struct ending ending;
	char **lines;
	guint count;

	run(&ending, "--list", NULL);
	assert_exit(&ending, 0);
	lines = g_strsplit(g_strchomp(ending.output), "\n", -1);
	count = g_strv_length(lines);
	g_assert_cmpuint(count, ==, G_N_ELEMENTS(names));
	for (guint i = 0; i < count; i++) {
		json_error_t error;
		json_t *line = json_loads(lines[i], 0, &error);

		if (!line)
			g_error("%s: %s", error.text, lines[i]);
		g_assert_cmpstr(json_string_value(json_object_get(line, "suite")), ==, "sample");
		g_assert_cmpstr(json_string_value(json_object_get(line, "about")), ==,
				"ends in every way: \"quoted\", back\\slash");
		g_assert_cmpstr(json_string_value(json_object_get(line, "case")), ==, names[i]);
		g_assert_true(json_is_array(json_object_get(line, "params")));
		g_assert_true(json_is_array(json_object_get(line, "excludes")));
		g_assert_cmpint(json_integer_value(json_object_get(line, "devices")), ==,
				strcmp(names[i], "needs_device") == 0);
		g_assert_cmpint(json_integer_value(json_object_get(line, "timeout_ms")), ==, 10000);
		json_decref(line);
	}
	g_strfreev(lines);
	clear(&ending);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(argc, ==, 2);
	sample = argv[1];
	g_test_add_func("/harness/pass", test_pass);
	g_test_add_func("/harness/left-behind", test_left_behind);
	g_test_add_func("/harness/faults", test_faults);
	g_test_add_func("/harness/figures", test_figures);
	g_test_add_func("/harness/failures", test_failures);
	g_test_add_func("/harness/skip", test_skip);
	g_test_add_func("/harness/crash", test_crash);
	g_test_add_func("/harness/child", test_child);
	g_test_add_func("/harness/parameters", test_parameters);
	g_test_add_func("/harness/usage", test_usage);
	g_test_add_func("/harness/randomness", test_randomness);
	g_test_add_func("/harness/device", test_device);
	g_test_add_func("/harness/list", test_list);
	return g_test_run();
}
