/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that sleeps can do nothing about it: somebody outside wakes it. */
#include "lab/lab.h"

/* From the case's question to the guest's sleep: processes are frozen and devices suspended in between. */
#define SLEEP_TIMEOUT_MS 20000
#define LOOK_MS          50

struct lab_waker {
	struct lab_qmp *qmp;
	GThread *thread;
	gint ended; /* nobody wants the guest to be woken any more */
};

static gpointer wake(gpointer data)
{
	struct lab_waker *waker = data;
	gint64 deadline = g_get_monotonic_time() + SLEEP_TIMEOUT_MS * 1000;
	GError *problem = NULL;
	json_t *result;
	char *text;

	while (!lab_qmp_wait(waker->qmp, "SUSPEND", NULL, NULL, LOOK_MS))
		if (g_atomic_int_get(&waker->ended) || g_get_monotonic_time() > deadline)
			return g_strdup("it did not go to sleep");
	result = lab_qmp_execute(waker->qmp, "system_wakeup", NULL, &problem);
	if (result) {
		json_decref(result);
		return NULL;
	}
	text = g_strdup(problem->message);
	g_error_free(problem);
	return text;
}

char *lab_wake_later(struct lab_qmp *qmp, const char *kernel, struct lab_waker **waker)
{
	g_autoptr(GError) problem = NULL;
	json_t *machine = lab_qmp_execute(qmp, "query-current-machine", NULL, &problem);
	bool can = json_is_true(json_object_get(machine, "wakeup-suspend-support"));

	json_decref(machine);
	if (!lab_kernel_sleeps(kernel))
		return g_strdup("error QEMU overwrites a guest's vmlinux when it wakes: profile "
				"intel-sleep has a bzImage");
	if (!can)
		return g_strdup_printf("error %s",
				       problem ? problem->message : "this machine cannot sleep");
	/* Sleeps of the past are none of ours. */
	while (lab_qmp_wait(qmp, "SUSPEND", NULL, NULL, 0))
		;
	*waker = g_new0(struct lab_waker, 1);
	(*waker)->qmp = qmp;
	(*waker)->thread = g_thread_new("waker", wake, *waker);
	return g_strdup("ok it will be woken");
}

char *lab_wake_done(struct lab_waker **waker)
{
	struct lab_waker *done = g_steal_pointer(waker);
	char *problem;

	if (!done)
		return NULL;
	g_atomic_int_set(&done->ended, 1);
	problem = g_thread_join(done->thread);
	g_free(done);
	return problem;
}
