// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "runner/known.h"
#include "runner/plan.h"
#include "runner/text.h"

#define MAX_ISSUES 10000
#define MAX_FILE   (4u << 20)
#define MAX_TEXT   2000

struct issue {
	char *name;
	char **cases;
	char **kernel;
	char **qemu;
	char *qemu_build;
	char **iommus;
	GPtrArray *allowed; /* of GRegex * */
	gboolean expected[VERDICT_COUNT];
	char *reason;
	char *link;
};

struct known_issues {
	GPtrArray *list;
};

static void issue_free(gpointer data)
{
	struct issue *issue = data;

	g_free(issue->name);
	g_strfreev(issue->cases);
	g_strfreev(issue->kernel);
	g_strfreev(issue->qemu);
	g_free(issue->qemu_build);
	g_strfreev(issue->iommus);
	g_ptr_array_unref(issue->allowed);
	g_free(issue->reason);
	g_free(issue->link);
	g_free(issue);
}

struct known_issues *known_new(void)
{
	struct known_issues *issues = g_new0(struct known_issues, 1);

	issues->list = g_ptr_array_new_with_free_func(issue_free);
	return issues;
}

void known_free(struct known_issues *issues)
{
	if (!issues)
		return;
	g_ptr_array_unref(issues->list);
	g_free(issues);
}

int version_compare(const char *a, const char *b)
{
	for (;;) {
		char *a_end, *b_end;
		guint64 left = g_ascii_isdigit(*a) ? g_ascii_strtoull(a, &a_end, 10) : 0;
		guint64 right = g_ascii_isdigit(*b) ? g_ascii_strtoull(b, &b_end, 10) : 0;

		if (left != right)
			return left < right ? -1 : 1;
		a = g_ascii_isdigit(*a) ? a_end : "";
		b = g_ascii_isdigit(*b) ? b_end : "";
		a = *a == '.' ? a + 1 : "";
		b = *b == '.' ? b + 1 : "";
		if (!*a && !*b)
			return 0;
	}
}

/* Splits ">=6.12" into its operator and the version. */
static gsize operator_length(const char *range)
{
	return strspn(range, "<>=");
}

static gboolean range_is_good(const char *range)
{
	static const char *const operators[] = { "<", "<=", ">", ">=", "=", NULL };
	g_autofree char *operator= g_strndup(range, operator_length(range));

	return g_strv_contains(operators, operator) &&
	       g_ascii_isdigit(range[operator_length(range)]);
}

static gboolean in_range(const char *version, const char *range)
{
	int order = version_compare(version, range + operator_length(range));

	if (order == 0)
		return strchr("=", range[operator_length(range) - 1]) != NULL;
	return order < 0 ? *range == '<' : *range == '>';
}

/* A version that is not known is in no range: better a failure too many than one too few. */
static gboolean in_ranges(const char *version, char **ranges)
{
	for (char **range = ranges; range && *range; range++)
		if (!*version || !in_range(version, *range))
			return FALSE;
	return TRUE;
}

static gboolean read_ranges(char *text, char ***ranges)
{
	g_auto(GStrv) words = text ? g_strsplit_set(text, " ,\t", -1) : g_new0(char *, 1);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	g_free(text);
	for (char **word = words; *word; word++) {
		if (!**word)
			continue;
		if (!range_is_good(*word))
			return FALSE;
		g_strv_builder_add(builder, *word);
	}
	*ranges = g_strv_builder_end(builder);
	return TRUE;
}

static gboolean read_verdicts(struct issue *issue, char **words)
{
	for (char **word = words; *word; word++) {
		enum verdict verdict;

		if (!verdict_parse(*word, &verdict) || !verdict_is_bad(verdict) ||
		    verdict == VERDICT_ERROR || verdict == VERDICT_XPASS)
			return FALSE;
		issue->expected[verdict] = TRUE;
	}
	return TRUE;
}

static char *line_of(GKeyFile *file, const char *group, const char *key)
{
	g_autofree char *text = g_key_file_get_string(file, group, key, NULL);

	return text ? text_clean_line(text, -1, MAX_TEXT) : NULL;
}

static const char *check_keys(GKeyFile *file, const char *group)
{
	static const char *const known[] = { "case",  "kernel",  "qemu",      "qemu_build",
					     "iommu", "verdict", "allow_log", "reason",
					     "link",  NULL };
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

	for (char **key = keys; *key; key++)
		if (!g_strv_contains(known, *key))
			return "a key that means nothing here";
	return NULL;
}

static gboolean read_allowed(GKeyFile *file, const char *group, struct issue *issue)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) texts = g_key_file_get_string_list(file, group, "allow_log", NULL, &error);

	if (error && !g_error_matches(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND))
		return FALSE;
	for (char **text = texts; text && *text; text++) {
		GRegex *regex = g_regex_new(*text, G_REGEX_OPTIMIZE, 0, NULL);

		if (!regex)
			return FALSE;
		g_ptr_array_add(issue->allowed, regex);
	}
	return TRUE;
}

/* Return: what is wrong with it, or NULL. */
static const char *read_issue(GKeyFile *file, const char *group, struct issue *issue)
{
	g_auto(GStrv) verdicts = g_key_file_get_string_list(file, group, "verdict", NULL, NULL);
	const char *problem = check_keys(file, group);

	issue->name = text_clean_line(group, -1, 100);
	issue->cases = g_key_file_get_string_list(file, group, "case", NULL, NULL);
	issue->iommus = g_key_file_get_string_list(file, group, "iommu", NULL, NULL);
	issue->qemu_build = line_of(file, group, "qemu_build");
	issue->allowed = g_ptr_array_new_with_free_func((GDestroyNotify)g_regex_unref);
	issue->reason = line_of(file, group, "reason");
	issue->link = line_of(file, group, "link");
	if (problem)
		return problem;
	if (!read_allowed(file, group, issue))
		return "allow_log is a regular expression, whose \\ is written twice";
	if (!issue->cases && !issue->allowed->len)
		return "neither a case nor allow_log";
	if (issue->cases && !issue->cases[0])
		return "no case";
	if (issue->qemu_build && !g_str_equal(issue->qemu_build, QEMU_BUILD_STOCK) &&
	    !g_str_equal(issue->qemu_build, QEMU_BUILD_LAB))
		return "qemu_build is " QEMU_BUILD_STOCK " or " QEMU_BUILD_LAB;
	if (!issue->reason || !*issue->reason)
		return "no reason";
	if (!read_ranges(g_key_file_get_string(file, group, "kernel", NULL), &issue->kernel) ||
	    !read_ranges(g_key_file_get_string(file, group, "qemu", NULL), &issue->qemu))
		return "a range of versions reads as in \">=6.12 <7.4\"";
	if (!verdicts)
		issue->expected[VERDICT_FAIL] = TRUE;
	else if (!read_verdicts(issue, verdicts))
		return "a verdict is fail, crash or timeout";
	return NULL;
}

gboolean known_parse(struct known_issues *issues, const char *text, gsize length, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_auto(GStrv) groups = NULL;
	gsize count;

	if (length > MAX_FILE || !g_utf8_validate(text, (gssize)length, NULL)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "it is no UTF-8 text, or too long");
		return FALSE;
	}
	if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, error))
		return FALSE;
	groups = g_key_file_get_groups(file, &count);
	if (issues->list->len + count > MAX_ISSUES) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "too many issues");
		return FALSE;
	}
	for (char **group = groups; *group; group++) {
		struct issue *issue = g_new0(struct issue, 1);
		const char *problem = read_issue(file, *group, issue);

		if (problem) {
			g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "[%s]: %s",
				    issue->name, problem);
			issue_free(issue);
			return FALSE;
		}
		g_ptr_array_add(issues->list, issue);
	}
	return TRUE;
}

gboolean known_load(struct known_issues *issues, const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) problem = NULL;
	gsize length;

	if (g_file_get_contents(path, &text, &length, &problem) &&
	    known_parse(issues, text, length, &problem))
		return TRUE;
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "known issues %s: %s", path,
		    problem->message);
	return FALSE;
}

struct known_issues *known_load_all(char **paths, GError **error)
{
	struct known_issues *issues = known_new();

	for (char **path = paths; path && *path; path++) {
		if (known_load(issues, *path, error))
			continue;
		known_free(issues);
		return NULL;
	}
	return issues;
}

static gboolean is_here(const struct issue *issue, const struct known_place *place)
{
	gboolean here = !issue->iommus || !issue->iommus[0];

	for (char **iommu = issue->iommus; iommu && *iommu; iommu++)
		here = here || g_str_equal(*iommu, place->iommu) ||
		       g_pattern_match_simple(*iommu, place->profile);
	if (issue->qemu_build && !g_str_equal(issue->qemu_build, place->qemu_build))
		return FALSE;
	return here && in_ranges(place->kernel, issue->kernel) &&
	       in_ranges(place->qemu, issue->qemu);
}

static gboolean applies(const struct issue *issue, const struct known_place *place, const char *id)
{
	gboolean this_case = FALSE;

	for (char **pattern = issue->cases; pattern && *pattern; pattern++)
		this_case = this_case || pattern_matches(*pattern, id);
	return this_case && is_here(issue, place);
}

gboolean known_allows(const struct known_issues *issues, const struct known_place *place,
		      const char *line)
{
	for (guint i = 0; issues && i < issues->list->len; i++) {
		const struct issue *issue = issues->list->pdata[i];

		if (!issue->allowed->len || !is_here(issue, place))
			continue;
		for (guint r = 0; r < issue->allowed->len; r++)
			if (g_regex_match(issue->allowed->pdata[r], line, 0, NULL))
				return TRUE;
	}
	return FALSE;
}

void known_apply(const struct known_issues *issues, const struct known_place *place,
		 struct result *result)
{
	for (guint i = 0; issues && i < issues->list->len; i++) {
		const struct issue *issue = issues->list->pdata[i];

		if (!applies(issue, place, result->id))
			continue;
		if (result->verdict == VERDICT_PASS) {
			result->verdict = VERDICT_XPASS;
			g_free(result->reason);
			result->reason =
				g_strdup_printf("it passes, but is a known issue: %s", issue->name);
		} else if (issue->expected[result->verdict]) {
			result->verdict = VERDICT_XFAIL;
		} else {
			continue;
		}
		g_free(result->known);
		result->known = g_strdup_printf(
			"%s: %s%s%s%s", issue->name, issue->reason, issue->link ? " (" : "",
			issue->link ? issue->link : "", issue->link ? ")" : "");
		return;
	}
}

const char *known_iommu_model(const char *names)
{
	static const struct {
		const char *beginning;
		const char *model;
	} models[] = {
		{ "dmar", "intel" },  { "ivhd", "amd" },    { "smmu3", "smmuv3" },
		{ "smmu", "smmuv2" }, { "riscv", "riscv" }, { "virtio", "virtio" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(models); i++)
		if (g_str_has_prefix(names, models[i].beginning))
			return models[i].model;
	/* A virtio IOMMU is called as its virtio device, or not at all. */
	return *names ? "other" : "none";
}
