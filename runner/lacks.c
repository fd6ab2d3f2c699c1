// SPDX-License-Identifier: GPL-2.0-or-later
/* What keeps a run from being whole. */
#include "runner/record.h"
#include "runner/text.h"

/* What no case is to blame for has no case's ID. */
#define LACK_ID "run/whole"

#define MAX_PROFILE 1024

static struct result *add_lack(GPtrArray *lacks, const char *profile)
{
	struct result *lack = g_new0(struct result, 1);

	lack->id = g_strdup(LACK_ID);
	lack->profile = text_clean_line(profile, -1, MAX_PROFILE);
	lack->verdict = VERDICT_ERROR;
	lack->details = g_strdup("");
	lack->proves = g_strdup("");
	lack->devices = g_strdup("");
	lack->kernel = g_strdup("");
	lack->attempt = 1;
	g_ptr_array_add(lacks, lack);
	return lack;
}

/* What ended the run ended it on all its machines: any of them may stand for it. */
static void add_end(GPtrArray *lacks, const struct run *run, char *why)
{
	const char *profile =
		json_object_iter_key(json_object_iter(json_object_get(run->info, "machines")));

	if (run->results->len)
		profile = ((const struct result *)run->results->pdata[0])->profile;
	add_lack(lacks, profile ? profile : "local")->reason = why;
}

GPtrArray *run_lacks(const struct run *run)
{
	GPtrArray *lacks = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	const char *stopped = json_string_value(json_object_get(run->info, "stopped"));
	const char *profile;
	json_t *machine;

	json_object_foreach(json_object_get(run->info, "machines"), profile, machine)
	{
		const char *error = json_string_value(json_object_get(machine, "error"));
		struct result *lack = error ? add_lack(lacks, profile) : NULL;

		if (lack)
			lack->reason = g_strdup_printf("%s: %s", lack->profile, error);
	}
	if (stopped)
		add_end(lacks, run, g_strdup_printf("stopped early: %s", stopped));
	else if (!run->live && !json_object_get(run->info, "finished"))
		add_end(lacks, run, g_strdup("the runner died before the run was at its end"));
	return lacks;
}

enum exit_status run_status(const struct run *run)
{
	enum exit_status status = exit_status_of(run->counts);
	g_autoptr(GPtrArray) lacks = run_lacks(run);

	if (status == EXIT_STATUS_FAILURES)
		return status;
	return lacks->len || (run->in_flight->len && !run->live) ? EXIT_STATUS_TROUBLE : status;
}
