/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a QEMU can do, asked of itself: versions and builds differ. */
#include "lab/lab.h"

#include <gio/gio.h>
#include <string.h>

/* Answers are kept for the process's lifetime: each costs a start of QEMU. Guests may start in several threads. */
static char *ask(const char *qemu, const char *question)
{
	static GHashTable *answers;
	static GMutex lock;
	g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&lock);
	g_autofree char *key = g_strdup_printf("%s\n%s", qemu, question);
	const char *const argv[] = { qemu, "-device", question, NULL };
	g_autoptr(GSubprocess) process = NULL;
	char *answer = NULL;

	if (!answers)
		answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	answer = g_hash_table_lookup(answers, key);
	if (answer)
		return answer;
	process = g_subprocess_newv(
		argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);
	if (!process || !g_subprocess_communicate_utf8(process, NULL, NULL, &answer, NULL, NULL) ||
	    !answer)
		answer = g_strdup("");
	g_hash_table_insert(answers, g_steal_pointer(&key), answer);
	return answer;
}

bool lab_qemu_has_device(const char *qemu, const char *device)
{
	g_autofree char *line = g_strdup_printf("name \"%s\"", device);

	return strstr(ask(qemu, "help"), line);
}

const char *lab_qemu_option(const char *qemu, const char *device, char *const *names)
{
	g_autofree char *question = g_strconcat(device, ",help", NULL);
	const char *answer = ask(qemu, question);

	for (; *names; names++) {
		g_autofree char *line = g_strdup_printf("\n  %s=<", *names);

		if (strstr(answer, line))
			return *names;
	}
	return NULL;
}
