// SPDX-License-Identifier: GPL-2.0-or-later
/* What is made ready on the machine before cases run. The agent undoes all of it at any end. */
#include "runner/executor.h"
#include "runner/fixture.h"

gboolean executor_has_fixtures(const struct executor *executor, enum fixture_scope scope)
{
	const GPtrArray *fixtures = executor->options->fixtures;

	for (guint i = 0; fixtures && i < fixtures->len; i++)
		if (((struct fixture *)fixtures->pdata[i])->scope == scope)
			return TRUE;
	return FALSE;
}

/* Undoes what has this scope or a shorter one; that of longer scopes came before it. */
static gboolean undo(struct executor *executor, enum fixture_scope scope, GError **error)
{
	guint keep = 0;

	for (guint i = 0; i < scope; i++)
		keep += executor->prepared[i];
	for (guint i = scope; i < FIXTURE_SCOPES; i++) {
		executor->prepared[i] = 0;
		executor->ready[i] = FALSE;
	}
	return session_undo(*executor->session, keep, error);
}

static gboolean make_ready(struct executor *executor, enum fixture_scope scope, GError **error)
{
	const GPtrArray *fixtures = executor->options->fixtures;

	if (executor->ready[scope])
		return TRUE;
	for (guint i = 0; i < fixtures->len; i++) {
		const struct fixture *fixture = fixtures->pdata[i];

		if (fixture->scope != scope)
			continue;
		executor->prepared[scope]++;
		if (!session_prepare(*executor->session, fixture, error))
			return FALSE;
	}
	executor->ready[scope] = TRUE;
	return TRUE;
}

gboolean executor_prepare(struct executor *executor, const struct item *item, GError **error)
{
	const char *suite = item->which->suite;

	if (!executor->options->fixtures || !executor->options->fixtures->len)
		return TRUE;
	if (!make_ready(executor, FIXTURE_RUN, error)) {
		if (!session_is_lost(*executor->session))
			executor->abort = g_strdup((*error)->message);
		return FALSE;
	}
	if (executor_has_fixtures(executor, FIXTURE_SUITE) &&
	    g_strcmp0(executor->suite, suite) != 0) {
		executor->suite = suite;
		if (!undo(executor, FIXTURE_SUITE, error))
			return FALSE;
	}
	return make_ready(executor, FIXTURE_SUITE, error) &&
	       make_ready(executor, FIXTURE_CASE, error);
}

void executor_case_is_over(struct executor *executor)
{
	g_autoptr(GError) error = NULL;

	if (executor->running->len || !executor->prepared[FIXTURE_CASE] ||
	    session_is_lost(*executor->session))
		return;
	if (!undo(executor, FIXTURE_CASE, &error))
		executor->sink->note(executor->sink->data, error->message);
}

void executor_forget_fixtures(struct executor *executor)
{
	executor->suite = NULL;
	for (guint i = 0; i < FIXTURE_SCOPES; i++) {
		executor->prepared[i] = 0;
		executor->ready[i] = FALSE;
	}
}
