// SPDX-License-Identifier: GPL-2.0-or-later
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "runner/foreign.h"
#include "runner/text.h"
#include "runner/transport_process.h"
#include "runner/verdict.h"

#define REMOTE_PREFIX "/tmp/iommutests."

struct ssh {
	char *host;
	char *port;
	char *agent;
	char *suites;
	/* of the connection that all commands share */
	char *socket;
};

/* The words of any call of ssh, up to the host. */
static GStrvBuilder *ssh_begin(const struct ssh *ssh)
{
	const char *program = g_getenv("IOMMUT_SSH");
	GStrvBuilder *words = g_strv_builder_new();
	g_autofree char *socket = g_strdup_printf("ControlPath=%s", ssh->socket);

	/* No question may be asked, and a dead connection must be noticed: nobody may be there, and no step has another deadline. */
	g_strv_builder_add_many(words, program ? program : "ssh", "-T", "-o", "BatchMode=yes", "-o",
				"ConnectTimeout=20", "-o", "ServerAliveInterval=10", "-o",
				"ServerAliveCountMax=3", "-o", socket, NULL);
	if (ssh->port)
		g_strv_builder_add_many(words, "-p", ssh->port, NULL);
	return words;
}

static char **ssh_words(const struct ssh *ssh, const char *script)
{
	g_autoptr(GStrvBuilder) words = ssh_begin(ssh);

	g_strv_builder_add_many(words, "-o", "ControlMaster=auto", "-o", "ControlPersist=5", "--",
				ssh->host, script, NULL);
	return g_strv_builder_end(words);
}

/* Ends the process that holds the connection. */
static void end_connection(const struct ssh *ssh)
{
	g_autoptr(GStrvBuilder) words = ssh_begin(ssh);
	g_autoptr(GSubprocess) process = NULL;
	g_auto(GStrv) command = NULL;

	g_strv_builder_add_many(words, "-O", "exit", "--", ssh->host, NULL);
	command = g_strv_builder_end(words);
	process = g_subprocess_newv(
		(const char *const *)command,
		G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);
	if (process)
		g_subprocess_wait(process, NULL, NULL);
}

/* Return: what it printed, cleaned; NULL with @error set if it failed. */
static char *run_there(const struct ssh *ssh, const char *script, const char *input, GError **error)
{
	g_auto(GStrv) words = ssh_words(ssh, script);
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
		G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
	g_autoptr(GSubprocess) process = NULL;
	g_autoptr(GBytes) out = NULL, errors = NULL;
	g_autofree char *why = NULL;
	gconstpointer bytes;
	gsize length;

	g_subprocess_launcher_set_stdin_file_path(launcher, input ? input : "/dev/null");
	process = g_subprocess_launcher_spawnv(launcher, (const char *const *)words, error);
	if (!process || !g_subprocess_communicate(process, NULL, NULL, &out, &errors, error))
		return NULL;
	if (g_subprocess_get_successful(process)) {
		bytes = g_bytes_get_data(out, &length);
		return g_strstrip(text_clean(bytes, (gssize)length, 4096));
	}
	bytes = g_bytes_get_data(errors, &length);
	why = g_strstrip(text_clean_line(bytes, (gssize)length, 1000));
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "ssh %s: %s", ssh->host,
		    *why ? why : "it failed");
	return NULL;
}

static gboolean copy_file(const struct ssh *ssh, const char *from, const char *to, GError **error)
{
	g_autofree char *script = g_strdup_printf("cat > %s && chmod 700 %s", to, to);
	g_autofree char *said = run_there(ssh, script, from, error);

	return said != NULL;
}

/* What comes back becomes a part of commands: it must be just what mktemp gives. */
static char *make_folder(const struct ssh *ssh, GError **error)
{
	g_autofree char *folder = run_there(ssh,
					    "umask 077; d=$(mktemp -d " REMOTE_PREFIX
					    "XXXXXX) && mkdir $d/suites && echo $d",
					    NULL, error);

	if (!folder)
		return NULL;
	if (g_str_has_prefix(folder, REMOTE_PREFIX) && text_is_name(folder + strlen(REMOTE_PREFIX)))
		return g_steal_pointer(&folder);
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE,
		    "ssh %s: the shell there prints things of its own: %s", ssh->host, folder);
	return NULL;
}

static gboolean copy_suites(const struct ssh *ssh, const char *folder, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(ssh->suites, 0, error);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *from = g_build_filename(ssh->suites, name, NULL);
		g_autofree char *to = g_strdup_printf("%s/suites/%s", folder, name);

		if (!text_is_name(name) || !g_file_test(from, G_FILE_TEST_IS_REGULAR) ||
		    !g_file_test(from, G_FILE_TEST_IS_EXECUTABLE))
			continue;
		if (!copy_file(ssh, from, to, error))
			return FALSE;
	}
	return dir != NULL;
}

/* Beside the suites. The description's reader let no character pass that a shell would mind. */
static gboolean copy_tests(const struct ssh *ssh, const char *folder, const GPtrArray *tests,
			   GError **error)
{
	g_autoptr(GPtrArray) files = foreign_files(tests);

	for (guint i = 0; i < files->len; i++) {
		const struct foreign_file *file = files->pdata[i];
		g_autofree char *to = g_strdup_printf("%s/tests/%s", folder, file->to);
		g_autofree char *parent = g_path_get_dirname(to);
		g_autofree char *script = g_strdup_printf("mkdir -p %s", parent);
		g_autofree char *said = run_there(ssh, script, NULL, error);

		if (!said || !copy_file(ssh, file->from, to, error))
			return FALSE;
	}
	return TRUE;
}

static char **ssh_command(gpointer data, const GPtrArray *tests, GError **error)
{
	const struct ssh *ssh = data;
	g_autofree char *folder = make_folder(ssh, error);
	g_autofree char *agent = NULL, *script = NULL;

	if (!folder)
		return NULL;
	agent = g_strdup_printf("%s/agent", folder);
	if (!copy_file(ssh, ssh->agent, agent, error) || !copy_suites(ssh, folder, error) ||
	    !copy_tests(ssh, folder, tests, error)) {
		g_autofree char *remove = g_strdup_printf("rm -rf %s", folder);
		g_autofree char *said = run_there(ssh, remove, NULL, NULL);

		return NULL;
	}
	/* When the connection ends, the agent restores and ends, and the shell goes on to remove. */
	script = g_strdup_printf(
		"trap '' HUP; %s --stdio --suites %s/suites; s=$?; rm -rf %s; exit $s", agent,
		folder, folder);
	return ssh_words(ssh, script);
}

static void ssh_free(gpointer data)
{
	struct ssh *ssh = data;

	if (g_file_test(ssh->socket, G_FILE_TEST_EXISTS))
		end_connection(ssh);
	g_unlink(ssh->socket);
	g_free(ssh->host);
	g_free(ssh->port);
	g_free(ssh->agent);
	g_free(ssh->suites);
	g_free(ssh->socket);
	g_free(ssh);
}

/*
 * In a folder where nobody else can make files. ssh removes it some seconds after the last command, so that nothing is left of us even
 * if we are killed.
 */
static char *new_socket(void)
{
	const char *folder = g_get_user_runtime_dir();

	g_mkdir_with_parents(folder, 0700);
	return g_strdup_printf("%s/iommut-ssh-%d-%08x", folder, getpid(), g_random_int());
}

struct transport *transport_ssh(const char *where, const char *agent, const char *suites)
{
	static const struct process_hooks hooks = { ssh_command, ssh_free };
	struct ssh *ssh = g_new0(struct ssh, 1);
	struct transport *transport;
	const char *colon = strrchr(where, ':');
	const char *host = strchr(where, '@') ? strchr(where, '@') + 1 : where;
	g_autofree char *name = NULL;

	/* An IPv6 address has more than one colon, and no port here. */
	if (colon && strchr(host, ':') == colon) {
		ssh->host = g_strndup(where, (gsize)(colon - where));
		ssh->port = g_strdup(colon + 1);
	} else {
		ssh->host = g_strdup(where);
	}
	name = g_strndup(host, strcspn(host, ":"));
	ssh->agent = g_strdup(agent);
	ssh->suites = g_strdup(suites);
	ssh->socket = new_socket();
	transport = transport_process(text_is_name(name) ? name : "remote", FALSE, &hooks, ssh);
	transport->copies = TRUE;
	return transport;
}
