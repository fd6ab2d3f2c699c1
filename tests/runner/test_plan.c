// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/expression.h"
#include "runner/plan.h"
#include "runner/verdict.h"

static const char *const lists[] = {
	"{\"suite\":\"dma\",\"case\":\"write\",\"devices\":1,\"marks\":[\"smoke\"],\"params\":[{"
	"\"name\":"
	"\"backend\",\"values\":[\"type1\",\"iommufd\"]},{\"name\":\"size\",\"values\":[\"4K\","
	"\"2M\"]}]}",
	"{\"suite\":\"dma\",\"case\":\"plain\"}",
	"{\"suite\":\"more\",\"case\":\"sizes\",\"marks\":[\"perf\"],\"params\":[{\"name\":"
	"\"size\","
	"\"values\":[\"1\",\"2\"],\"default\":\"1\"}]}",
	"{\"suite\":\"demo\",\"case\":\"fails\",\"devices\":1,\"marks\":[\"demo\"]}",
	"{\"suite\":\"soak\",\"case\":\"long\",\"marks\":[\"stress\",\"slow\"]}",
};

static void add_device(struct machine *machine, const char *name, const char *engine,
		       const char *group, const char *use)
{
	struct device *device = g_new0(struct device, 1);

	device->name = g_strdup(name);
	device->vendor = g_strdup("1234");
	device->product = g_strdup(*engine ? "11e9" : "0001");
	device->class = g_strdup("ff0000");
	device->group = g_strdup(group);
	device->driver = g_strdup("");
	device->engine = g_strdup(engine);
	device->use = g_strdup(use);
	g_ptr_array_add(machine->devices, device);
}

static struct machine *machine_with_cases(void)
{
	struct machine *machine = machine_new();

	machine->is_guest = TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
		struct test_case *which = test_case_parse(lists[i], strlen(lists[i]), NULL);

		g_assert_nonnull(which);
		g_ptr_array_add(machine->cases, which);
	}
	return machine;
}

static struct machine *usual(void)
{
	struct machine *machine = machine_with_cases();

	add_device(machine, "0000:00:05.0", "edu", "5", "");
	add_device(machine, "0000:00:06.0", "edu", "6", "");
	add_device(machine, "0000:00:07.0", "testdev", "7", "");
	add_device(machine, "0000:00:1f.0", "", "8", "");
	return machine;
}

static char *ids(const struct machine *machine, const struct run_options *options, GError **error)
{
	g_autoptr(GPtrArray) items = plan_make(machine, options, error);
	GString *text = g_string_new(NULL);

	if (!items) {
		g_string_free(text, TRUE);
		return NULL;
	}
	for (guint i = 0; i < items->len; i++) {
		const struct item *item = items->pdata[i];

		g_assert_cmpuint(item->number, ==, i + 1);
		g_string_append_printf(text, "%s%s%s ", item->id, item->skip ? " SKIP " : "",
				       item->skip ? item->skip : "");
	}
	return g_string_free(text, FALSE);
}

static void expect(const struct run_options *options, const char *expected)
{
	struct machine *machine = usual();
	g_autofree char *seen = ids(machine, options, NULL);

	g_assert_cmpstr(seen, ==, expected);
	machine_free(machine);
}

#define LIST(...) ((char *[]){ __VA_ARGS__, NULL })

static void defaults(void)
{
	expect(&(struct run_options){ 0 },
	       "dma/write[engine=edu,backend=type1,size=4K] "
	       "dma/write[engine=edu,backend=type1,size=2M] "
	       "dma/write[engine=edu,backend=iommufd,size=4K] "
	       "dma/write[engine=edu,backend=iommufd,size=2M] "
	       "dma/write[engine=testdev,backend=type1,size=4K] "
	       "dma/write[engine=testdev,backend=type1,size=2M] "
	       "dma/write[engine=testdev,backend=iommufd,size=4K] "
	       "dma/write[engine=testdev,backend=iommufd,size=2M] dma/plain ");
}

static void choices(void)
{
	expect(&(struct run_options){ .patterns = LIST("dma/plain") }, "dma/plain ");
	expect(&(struct run_options){ .patterns = LIST("dma/p*") }, "dma/plain ");
	expect(&(struct run_options){ .patterns = LIST("dma"),
				      .engines = LIST("edu"),
				      .backends = LIST("iommufd"),
				      .params = LIST("size=2M,4K"),
				      .words = "write and 2m" },
	       "dma/write[engine=edu,backend=iommufd,size=2M] ");
	expect(&(struct run_options){ .deselect = LIST("dma/write") }, "dma/plain ");
	expect(&(struct run_options){ .marks = "not smoke" }, "dma/plain ");
	expect(&(struct run_options){ .patterns = LIST(
					      "dma/write[engine=testdev,backend=type1,size=4K]") },
	       "dma/write[engine=testdev,backend=type1,size=4K] ");
}

/* An ID whose parameters all have their defaults looks like a case: a replay must run just that. */
static void exact(void)
{
	expect(&(struct run_options){ .patterns = LIST("more/sizes") }, "more/sizes ");
	expect(&(struct run_options){ .patterns = LIST("more/sizes", "dma/plain") },
	       "dma/plain more/sizes ");
	expect(&(struct run_options){ .patterns = LIST("more/sizes*") },
	       "more/sizes more/sizes[size=2] ");
	expect(&(struct run_options){ .patterns = LIST("more/sizes", "more") },
	       "more/sizes more/sizes[size=2] ");
}

static void reluctant(void)
{
	expect(&(struct run_options){ .patterns = LIST("*/long", "dma/plain") }, "dma/plain ");
	expect(&(struct run_options){ .patterns = LIST("soak") }, "soak/long ");
	expect(&(struct run_options){ .marks = "stress" }, "soak/long ");
	expect(&(struct run_options){ .marks = "slow and not stress" }, "");
	expect(&(struct run_options){ .patterns = LIST("demo/fails"), .engines = LIST("testdev") },
	       "demo/fails[engine=testdev] ");
}

static void devices(void)
{
	expect(&(struct run_options){ .patterns = LIST("demo"), .devices = LIST("1234:11e9") },
	       "demo/fails[engine=edu,device=0000:00:05.0] "
	       "demo/fails[engine=edu,device=0000:00:06.0] "
	       "demo/fails[engine=testdev,device=0000:00:07.0] ");
	expect(&(struct run_options){ .patterns = LIST("demo"), .devices = LIST("00:06.0") },
	       "demo/fails[engine=edu] ");
}

static void refused(const struct machine *machine, const struct run_options *options,
		    const char *part)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *seen = ids(machine, options, &error);

	g_assert_null(seen);
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	if (!strstr(error->message, part))
		g_error("\"%s\" does not say \"%s\"", error->message, part);
}

static void mistakes(void)
{
	struct machine *machine = usual();

	refused(machine, &(struct run_options){ .patterns = LIST("dma/nothing") }, "dma/nothing");
	refused(machine, &(struct run_options){ .params = LIST("size") }, "name=value");
	refused(machine, &(struct run_options){ .params = LIST("colour=red") }, "colour");
	refused(machine, &(struct run_options){ .devices = LIST("0000:00:1f.0") }, "no engine");
	refused(machine, &(struct run_options){ .devices = LIST("0000:00:19.0") }, "no device");
	refused(machine, &(struct run_options){ .words = "a b" }, "a b");
	refused(machine, &(struct run_options){ .marks = "(a" }, "(a");
	add_device(machine, "0000:00:08.0", "edu", "9", "mounted at /");
	refused(machine, &(struct run_options){ .devices = LIST("0000:00:08.0") }, "mounted at /");
	machine_free(machine);
}

static void skipped(struct machine *machine, const char *reason)
{
	g_autofree char *seen =
		ids(machine, &(struct run_options){ .patterns = LIST("demo", "dma/plain") }, NULL);

	g_assert_nonnull(strstr(seen, "demo/fails SKIP"));
	g_assert_nonnull(strstr(seen, "dma/plain"));
	g_assert_null(strstr(seen, "dma/plain SKIP"));
	if (!strstr(seen, reason))
		g_error("\"%s\" does not say \"%s\"", seen, reason);
	machine_free(machine);
}

/* What cannot run is a skip now, with its reason; what needs no device runs all the same. */
static void unable(void)
{
	struct machine *machine = machine_with_cases();

	add_device(machine, "0000:00:05.0", "edu", "", "");
	skipped(machine, "no IOMMU groups");
	machine = machine_with_cases();
	add_device(machine, "0000:00:1f.0", "", "1", "");
	skipped(machine, "no device here");
	machine = machine_with_cases();
	add_device(machine, "0000:00:1f.0", "", "1", "");
	add_device(machine, "0000:00:05.0", "edu", "", "");
	skipped(machine, "behind an IOMMU");
	machine = machine_with_cases();
	add_device(machine, "0000:00:05.0", "edu", "1", "mounted");
	skipped(machine, "in use");
}

static void order(void)
{
	struct machine *machine = usual();
	const struct run_options options = { 0 };
	g_autoptr(GPtrArray) first = plan_make(machine, &options, NULL);
	g_autoptr(GPtrArray) second = plan_make(machine, &options, NULL);
	g_autoptr(GPtrArray) plain = plan_make(machine, &options, NULL);
	gboolean moved = FALSE;

	plan_shuffle(first, 42);
	plan_shuffle(second, 42);
	for (guint i = 0; i < first->len; i++) {
		const struct item *a = first->pdata[i], *b = second->pdata[i], *c = plain->pdata[i];

		g_assert_cmpstr(a->id, ==, b->id);
		moved = moved || strcmp(a->id, c->id) != 0;
	}
	g_assert_true(moved);
	plan_repeat(first, 3);
	g_assert_cmpuint(first->len, ==, 3 * second->len);
	g_assert_cmpuint(((struct item *)first->pdata[first->len - 1])->attempt, ==, 3);
	machine_free(machine);
}

/* Parts are disjoint, complete, and do not depend on what else is chosen. */
static void shards(void)
{
	struct machine *machine = usual();
	const struct run_options all = { 0 }, few = { .engines = LIST("edu") };
	g_autoptr(GPtrArray) plain = plan_make(machine, &all, NULL);
	g_autoptr(GHashTable) where = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint shard = 1; shard <= 3; shard++) {
		g_autoptr(GPtrArray) items = plan_make(machine, &all, NULL);

		plan_shard(items, shard, 3, NULL, "local");
		for (guint i = 0; i < items->len; i++) {
			const struct item *item = items->pdata[i];

			g_assert_cmpuint(item->number, ==, i + 1);
			g_assert_true(g_hash_table_insert(where, g_strdup(item->id),
							  GUINT_TO_POINTER(shard)));
		}
	}
	g_assert_cmpuint(g_hash_table_size(where), ==, plain->len);
	for (guint shard = 1; shard <= 3; shard++) {
		g_autoptr(GPtrArray) items = plan_make(machine, &few, NULL);

		plan_shard(items, shard, 3, NULL, "local");
		for (guint i = 0; i < items->len; i++) {
			const struct item *item = items->pdata[i];

			g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(where, item->id)), ==,
					 shard);
		}
	}
	machine_free(machine);
}

/* Machines that are alike get everything once, and equally much. */
static void shares(void)
{
	struct machine *machine = usual();
	const struct run_options all = { 0 };
	g_autoptr(GPtrArray) plain = plan_make(machine, &all, NULL);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint share = 1; share <= 3; share++) {
		g_autoptr(GPtrArray) items = plan_make(machine, &all, NULL);

		plan_share(items, share, 3);
		g_assert_cmpuint(items->len, >=, plain->len / 3);
		g_assert_cmpuint(items->len, <=, plain->len / 3 + 1);
		for (guint i = 0; i < items->len; i++) {
			const struct item *item = items->pdata[i];

			g_assert_true(g_hash_table_add(seen, g_strdup(item->id)));
		}
	}
	g_assert_cmpuint(g_hash_table_size(seen), ==, plain->len);
	machine_free(machine);
}

static void longest_first(void)
{
	struct machine *machine = usual();
	const struct run_options all = { 0 };
	g_autoptr(GPtrArray) plain = plan_make(machine, &all, NULL);
	g_autoptr(GPtrArray) items = plan_make(machine, &all, NULL);
	struct test_case longer = *((struct item *)items->pdata[2])->which;

	longer.timeout_ms *= 2;
	((struct item *)items->pdata[2])->which = &longer;
	plan_longest_first(items);
	g_assert_true(((struct item *)items->pdata[0])->which == &longer);
	for (guint i = 0; i < plain->len; i++) {
		const struct item *before = plain->pdata[i];
		const struct item *after = items->pdata[i < 2 ? i + 1 : i == 2 ? 0 : i];

		g_assert_cmpstr(before->id, ==, after->id);
	}
	machine_free(machine);
}

static gboolean is_true(const char *word, gpointer data)
{
	return *word == 't';
}

static void expressions(void)
{
	static const struct {
		const char *text;
		gboolean value;
	} rows[] = {
		{ "t", TRUE },
		{ "f", FALSE },
		{ "not f", TRUE },
		{ "not not t", TRUE },
		{ "t and f", FALSE },
		{ "f or t", TRUE },
		{ "t or f and f", TRUE },
		{ "(t or f) and f", FALSE },
		{ "not f and f", FALSE },
		{ "not (f and f)", TRUE },
		{ "((t))", TRUE },
		{ "t and not (f or f)", TRUE },
	};
	static const char *const bad[] = { "",    "and", "t and", "t f",       "(t",      "t)",
					   "not", "()",  "or t",  "t or or f", "(t and)f" };
	g_autofree char *deep = g_strnfill(100000, '(');

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_true(expression_check(rows[i].text, NULL));
		g_assert_cmpint(expression_matches(rows[i].text, is_true, NULL), ==, rows[i].value);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(expression_check(bad[i], NULL));
	g_assert_false(expression_check(deep, NULL));
}

static void patterns(void)
{
	static const char id[] = "dma/write[engine=edu,size=4K]";

	g_assert_true(pattern_matches("dma", id));
	g_assert_true(pattern_matches("d?a", id));
	g_assert_true(pattern_matches("dma/write", id));
	g_assert_true(pattern_matches("dma/*", id));
	g_assert_true(pattern_matches("*4K*", id));
	g_assert_true(pattern_matches("dma/write[engine=edu,*]", id));
	g_assert_true(pattern_matches(id, id));
	g_assert_false(pattern_matches("dm", id));
	g_assert_false(pattern_matches("dma/writ", id));
	g_assert_false(pattern_matches("write", id));
	g_assert_false(pattern_matches("dma/write[engine=igb,*]", id));
	/* A bracket is a bracket, not a set of characters. */
	g_assert_false(pattern_matches("dma/write[e]", "dma/writee"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/plan/defaults", defaults);
	g_test_add_func("/plan/choices", choices);
	g_test_add_func("/plan/exact", exact);
	g_test_add_func("/plan/reluctant", reluctant);
	g_test_add_func("/plan/devices", devices);
	g_test_add_func("/plan/mistakes", mistakes);
	g_test_add_func("/plan/unable", unable);
	g_test_add_func("/plan/order", order);
	g_test_add_func("/plan/shards", shards);
	g_test_add_func("/plan/shares", shares);
	g_test_add_func("/plan/longest-first", longest_first);
	g_test_add_func("/plan/expressions", expressions);
	g_test_add_func("/plan/patterns", patterns);
	return g_test_run();
}
