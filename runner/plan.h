/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_PLAN_H
#define RUNNER_PLAN_H

/* From what a machine has and what the user chose to the list of what runs. No machine is touched here. */

#include <glib.h>
#include <jansson.h>

#include "runner/catalogue.h"
#include "runner/options.h"

#define PLAN_MAX_DEVICES 2
#define PLAN_MAX_ITEMS   1000000u

/**
 * struct device - a PCI function of the machine under test; texts are cleaned
 * @name: address, as in 0000:00:05.0
 * @vendor: four hexadecimal digits
 * @product: four hexadecimal digits
 * @class: six hexadecimal digits
 * @group: IOMMU group; empty if it has none
 * @driver: driver bound to it; empty if none
 * @engine: name of the engine that can drive it; empty if none
 * @use: why it must not be taken, or empty
 * @busy: a case uses it now
 */
struct device {
	char *name;
	char *vendor;
	char *product;
	char *class;
	char *group;
	char *driver;
	char *engine;
	char *use;
	gboolean busy;
};

/**
 * struct machine - what the agent says of the machine under test
 * @facts: a JSON object of strings
 * @devices: of struct device *
 * @cases: of struct test_case *
 * @problems: of char *: suites that could not be listed
 * @is_guest: a machine made for testing: any device may be taken
 */
struct machine {
	json_t *facts;
	GPtrArray *devices;
	GPtrArray *cases;
	GPtrArray *problems;
	gboolean is_guest;
};

struct machine *machine_new(void);
void machine_free(struct machine *machine);

/**
 * struct item - a variant of a case, ready to run
 * @number: from 1, the folder of its logs; set when the order is known
 * @id: SUITE/CASE[..]
 * @which: its case; owned by the machine
 * @variant: what the suite is asked to run
 * @engine: name, or NULL
 * @device: its address if it must be this one, or NULL for any of the engine
 * @skip: why it cannot run, or NULL
 * @lift: what would change that
 * @part: the one case to run of a program that somebody else wrote; NULL: what @which says
 * @attempt: from 1
 */
struct item {
	guint number;
	char *id;
	const struct test_case *which;
	char *variant;
	char *engine;
	char *device;
	char *skip;
	char *lift;
	char *part;
	guint attempt;
};

/**
 * item_part() - the one case that it runs of a program that somebody else wrote; NULL: all
 */
const char *item_part(const struct item *item);

/**
 * plan_make() - choose and multiply
 * @machine: what there is
 * @options: what is wanted; NULL-terminated lists or NULL
 * @error: RUNNER_ERROR_USAGE when something chosen does not exist
 *
 * A pattern that is an ID means that case alone. Cases marked demo, destructive, stress or perf are only taken when a pattern names their suite or -m their mark.
 *
 * Return: of struct item *, in the suites' order.
 */
GPtrArray *plan_make(const struct machine *machine, const struct run_options *options,
		     GError **error);

/**
 * plan_offers() - may a case that leaves the choice open use this device?
 * @machine: the device's
 * @options: what is wanted
 * @device: one of the machine's
 */
gboolean plan_offers(const struct machine *machine, const struct run_options *options,
		     const struct device *device);

/**
 * pattern_matches() - does an ID match a pattern?
 * @pattern: an ID, or a glob of "*" and "?"; a suite or SUITE/CASE alone means all of it
 * @id: SUITE/CASE[..]
 */
gboolean pattern_matches(const char *pattern, const char *id);

/**
 * plan_shuffle() - bring items into a random order
 * @items: of struct item *
 * @seed: the same seed gives the same order
 */
void plan_shuffle(GPtrArray *items, guint64 seed);

/**
 * plan_keep() - drop what is not wanted
 * @items: of struct item *
 * @wanted: tells
 * @data: for @wanted
 */
void plan_keep(GPtrArray *items, gboolean (*wanted)(const struct item *item, gconstpointer data),
	       gconstpointer data);

struct balance;
struct earlier;

/**
 * plan_shard() - keep a part
 * @items: of struct item *
 * @index: from 1
 * @count: how many parts
 * @balance: parts of equal time, or NULL
 * @profile: name of the machine
 *
 * Whatever else is chosen, a case stays in its part.
 */
void plan_shard(GPtrArray *items, guint index, guint count, const struct balance *balance,
		const char *profile);

/**
 * plan_arrange() - choose and multiply, then order, shard and repeat as options and earlier runs say
 * @machine: what there is
 * @options: what is wanted
 * @earlier: the runs that @options speak of
 * @profile: name of the machine
 * @error: as plan_make()
 */
GPtrArray *plan_arrange(const struct machine *machine, const struct run_options *options,
			const struct earlier *earlier, const char *profile, GError **error);

/**
 * plan_suites() - the suites that can have what was chosen
 * @options: what is wanted
 *
 * Return: their names, NULL-terminated, to be freed with g_strfreev(); NULL if it may be any.
 */
char **plan_suites(const struct run_options *options);

/**
 * plan_longest_first() - cases with a longer deadline come first, all others stay in their order
 * @items: of struct item *
 *
 * Where several run at once, a long one that starts last has the machine wait for it alone.
 */
void plan_longest_first(GPtrArray *items);

/**
 * plan_share() - what one of several machines that are alike gets
 * @items: of struct item *, the same for each of them
 * @index: from 1
 * @count: how many machines
 *
 * In turns: neighbours take about as long as each other, so that the shares do, too.
 */
void plan_share(GPtrArray *items, guint index, guint count);

/**
 * plan_repeat() - run everything several times: all once, then all again
 */
void plan_repeat(GPtrArray *items, guint times);

/**
 * plan_number() - number the items in their order
 */
void plan_number(GPtrArray *items, guint first);

struct item *item_copy(const struct item *item);
void item_free(struct item *item);

#endif /* RUNNER_PLAN_H */
