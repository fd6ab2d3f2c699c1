// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptions of tests of others, good and bad, and the cases and processes that come of them. */
#include <glib/gstdio.h>
#include <string.h>

#include "runner/foreign.h"
#include "runner/verdict.h"

static GPtrArray *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *programs = foreign_new();

	foreign_parse(programs, text, strlen(text), "/there", &error);
	g_assert_no_error(error);
	return programs;
}

static void full(void)
{
	g_autoptr(GPtrArray) programs = parse(
		"# of somebody\n[suite]\nname=theirs\nabout=what they test\n\n"
		"[copy]\nprogram=bin/copy\narguments=--on;${device};--and;${device2};${seed}\n"
		"environment=BDF=${device};MODE=fast=yes\nfiles=data/a.bin;b\ntimeout=7\n"
		"devices=2\nengines=igb;nvme\nmarks=exclusive;slow\nselect=-r;${case}\n"
		"cases=one;two.three\nproves=that it copies\nrule=their manual, 3\n"
		"allow_log=^copy: \nprovokes_faults=true\n[bare]\nprogram=/usr/bin/true\n");
	const struct foreign *copy = programs->pdata[0], *bare = programs->pdata[1];
	const char *const devices[] = { "0000:01:00.0", "0000:02:00.0", NULL };
	const struct foreign_call call = { .devices = devices, .part = "one", .seed = 255 };
	g_auto(GStrv) arguments = foreign_arguments(copy, &call);
	g_auto(GStrv) environment = foreign_environment(copy, &call);
	g_autofree char *words = g_strjoinv(" ", arguments);
	g_autofree char *settings = g_strjoinv(" ", environment);

	g_assert_cmpuint(programs->len, ==, 2);
	g_assert_cmpstr(copy->suite, ==, "theirs");
	g_assert_cmpstr(copy->about, ==, "what they test");
	g_assert_cmpstr(copy->name, ==, "copy");
	g_assert_cmpuint(copy->timeout_ms, ==, 7000);
	g_assert_cmpuint(copy->devices, ==, 2);
	g_assert_true(copy->provokes_faults);
	g_assert_true(foreign_uses_seed(copy));
	g_assert_true(foreign_allows(copy, "copy: WARNING"));
	g_assert_false(foreign_allows(copy, "WARNING: copy: "));
	g_assert_cmpstr(words, ==, "-r one --on 0000:01:00.0 --and 0000:02:00.0 0xff");
	g_assert_cmpstr(settings, ==, "BDF=0000:01:00.0 MODE=fast=yes");
	g_assert_cmpstr(bare->program, ==, "/usr/bin/true");
	g_assert_cmpuint(bare->timeout_ms, ==, 60000);
	g_assert_false(foreign_uses_seed(bare));
}

static void cases(void)
{
	g_autoptr(GPtrArray) programs =
		parse("[suite]\nname=theirs\n[a]\nprogram=a\nselect=${case}\ncases=x;y\n"
		      "[b]\nprogram=b\ndevices=1\nengines=igb\nmarks=slow\n");
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)test_case_free);
	g_autoptr(GError) error = NULL;
	const struct test_case *which;

	foreign_add_cases(list, programs, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(list->len, ==, 3);
	which = list->pdata[1];
	g_assert_cmpstr(which->name, ==, "a.y");
	g_assert_cmpstr(which->part, ==, "y");
	which = list->pdata[2];
	g_assert_cmpstr(which->name, ==, "b");
	g_assert_null(which->part);
	g_assert_cmpuint(which->devices, ==, 1);
	g_assert_true(test_case_has_mark(which, "slow"));
	g_assert_true(test_case_takes(which, "igb"));
	g_assert_false(test_case_takes(which, "edu"));
	g_assert_false(foreign_add_cases(list, programs, &error));
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	g_assert_nonnull(strstr(error->message, "another of this name"));
}

static void bad(const char *text, const char *where, const char *what)
{
	g_autoptr(GPtrArray) programs = foreign_new();
	g_autoptr(GError) error = NULL;

	g_assert_false(foreign_parse(programs, text, strlen(text), "/there", &error));
	g_test_message("%s", error->message);
	if (!strstr(error->message, where) || !strstr(error->message, what))
		g_error("\"%s\" names neither \"%s\" nor \"%s\"", error->message, where, what);
}

#define SUITE "[suite]\nname=theirs\n"

static void mistakes(void)
{
	bad("", "", "[suite]");
	bad("[suite]\nabout=x\n", "line 1: [suite]", "nothing");
	bad("[suite]\nname=a b\n", "line 2: [suite] name", "not a b");
	bad("[suite]\nname=a\nnaem=b\n", "line 3: [suite] naem", "name, about");
	bad(SUITE, "line 1: [suite]", "no program");
	bad(SUITE "what\n", "line 3", "key=value");
	bad(SUITE "[x\n", "line 3", "[group]");
	bad(SUITE "[x]\ntimeout=3\n", "line 3: [x]", "no program");
	bad(SUITE "[x y]\nprogram=a\n", "line 3: [x y]", "called");
	bad(SUITE "[x]\nprogram=../a\n", "line 4: [x] program", "../a");
	bad(SUITE "[x]\nprogram=a b\n", "line 4: [x] program", "a b");
	bad(SUITE "[x]\nprogram=a\nprogam=b\n", "line 5: [x] progam", "no such key");
	bad(SUITE "[x]\nprogram=a\n\n# c\ntimeout=soon\n", "line 7: [x] timeout", "soon");
	bad(SUITE "[x]\nprogram=a\ntimeout=0\n", "line 5: [x] timeout", "a second");
	bad(SUITE "[x]\nprogram=a\ntimeout=-1\n", "line 5: [x] timeout", "-1");
	bad(SUITE "[x]\nprogram=a\ndevices=3\n", "line 5: [x] devices", "0 to 2");
	bad(SUITE "[x]\nprogram=a\narguments=${bdf}\n", "line 5: [x] arguments", "${bdf}");
	bad(SUITE "[x]\nprogram=a\narguments=${device}\n", "line 3: [x]", "devices=0");
	bad(SUITE "[x]\nprogram=a\ndevices=1\narguments=${device2}\n", "line 3: [x]", "devices=1");
	bad(SUITE "[x]\nprogram=a\nenvironment=BDF\n", "line 5: [x] environment", "NAME=VALUE");
	bad(SUITE "[x]\nprogram=a\nfiles=/etc/passwd\n", "line 5: [x] files", "/etc/passwd");
	bad(SUITE "[x]\nprogram=a\nengines=igb\n", "line 5: [x] engines", "devices");
	bad(SUITE "[x]\nprogram=a\ncases=b\n", "line 5: [x] cases", "select");
	bad(SUITE "[x]\nprogram=a\nselect=-r\n", "line 5: [x] select", "${case}");
	bad(SUITE "[x]\nprogram=a\nselect=${case}\ncases=a b\n", "line 6: [x] cases", "a b");
	bad(SUITE "[x]\nprogram=a\nselect=${case}\ncases=a;b;a\n", "line 6: [x] cases",
	    "a comes twice");
	bad(SUITE "[x]\nprogram=a\nprovokes_faults=yes\n", "line 5: [x] provokes_faults", "yes");
	bad(SUITE "[x]\nprogram=a\nallow_log=(\n", "line 5: [x] allow_log", "");
	bad("\xff", "", "UTF-8");
}

static void names(void)
{
	static const char *const pairs[][2] = {
		{ "iommufd_ioas.mock_domain.ioas_area", "iommufd_ioas.mock_domain.ioas_area" },
		{ "it works, mostly", "it_works_mostly" },
		{ " (a) / [b] ", "a_b" },
		{ "../../etc", ".._.._etc" },
		{ "a_", "a_" },
		{ "\x1b[31m", "31m" },
		{ "\xc3\xa4", "" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
		g_autofree char *name = foreign_name(pairs[i][0]);

		g_assert_cmpstr(name, ==, pairs[i][1]);
		g_assert_null(strpbrk(name, "/[] \x1b"));
	}
	{
		g_autofree char *long_text = g_strnfill(10000, 'x');
		g_autofree char *name = foreign_name(long_text);

		g_assert_cmpuint(strlen(name), <, FOREIGN_MAX_NAME);
	}
}

static void folders(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *folder = g_dir_make_tmp("iommut-foreign-XXXXXX", &error);
	g_autofree char *first = g_build_filename(folder, "b.conf", NULL);
	g_autofree char *second = g_build_filename(folder, "a.conf", NULL);
	g_autofree char *other = g_build_filename(folder, "readme", NULL);
	g_autofree char *program = g_build_filename(folder, "tool", NULL);
	char *paths[] = { folder, NULL };
	g_autoptr(GPtrArray) programs = NULL, files = NULL;

	g_assert_null(foreign_load(paths, &error));
	g_assert_nonnull(strstr(error->message, "NAME.conf"));
	g_clear_error(&error);
	g_assert_true(g_file_set_contents(first, "[suite]\nname=b\n[x]\nprogram=tool\n", -1, NULL));
	g_assert_true(
		g_file_set_contents(second, "[suite]\nname=a\n[x]\nprogram=tool\n", -1, NULL));
	g_assert_true(g_file_set_contents(other, "nothing", -1, NULL));
	g_assert_null(foreign_load(paths, &error));
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	g_assert_nonnull(strstr(error->message, program));
	g_clear_error(&error);
	g_assert_true(g_file_set_contents(program, "x", -1, NULL));
	programs = foreign_load(paths, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(programs->len, ==, 2);
	g_assert_cmpstr(((struct foreign *)programs->pdata[0])->suite, ==, "a");
	files = foreign_files(programs);
	g_assert_cmpuint(files->len, ==, 2);
	g_assert_cmpstr(((struct foreign_file *)files->pdata[1])->to, ==, "b/tool");
	g_assert_cmpstr(((struct foreign_file *)files->pdata[1])->from, ==, program);
	g_unlink(first);
	g_unlink(second);
	g_unlink(other);
	g_unlink(program);
	g_rmdir(folder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/foreign/full", full);
	g_test_add_func("/foreign/cases", cases);
	g_test_add_func("/foreign/mistakes", mistakes);
	g_test_add_func("/foreign/names", names);
	g_test_add_func("/foreign/folders", folders);
	return g_test_run();
}
