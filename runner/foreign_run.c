// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/foreign_run.h"

#include <string.h>

#include "runner/foreign.h"

void foreign_job(struct session_job *job, const struct item *item, gboolean copies)
{
	const struct foreign *program = item->which->foreign;
	const struct foreign_call call = {
		.devices = job->devices,
		.part = item_part(item),
		.seed = job->seed,
	};

	job->program = program->program;
	job->folder = copies ? program->suite : program->folder;
	job->arguments = foreign_arguments(program, &call);
	job->environment = foreign_environment(program, &call);
}

void foreign_job_clear(struct session_job *job)
{
	g_strfreev(job->arguments);
	g_strfreev(job->environment);
	job->arguments = job->environment = NULL;
}

struct result *foreign_part_result(const struct item *item, const struct foreign_part *part)
{
	struct result *result = g_new0(struct result, 1);
	gsize name = strcspn(item->id, "[");

	result->number = item->number;
	result->id = g_strdup_printf("%.*s.%s%s", (int)name, item->id, part->name, item->id + name);
	result->part_of = g_strdup(item->id);
	result->verdict = part->verdict;
	result->reason = g_strdup(part->reason);
	result->known = g_strdup(part->known);
	result->details = g_strdup(part->details);
	/* What the program calls it, where the ID cannot say it. */
	result->proves = g_strdup(g_str_equal(part->title, part->name) ? "" : part->title);
	result->kernel = g_strdup("");
	result->attempt = item->attempt;
	return result;
}
