/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest as a transport: from starting QEMU to what is told of its death. */
#include "lab/lab.h"
#include "runner/known.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONSOLE_LINES_TOLD 20
#define EXIT_TIMEOUT_MS    1000
/* From QEMU's start to the agent's first breath. Two vCPUs on one busy CPU took 14 s under TCG. */
#define BOOT_TIMEOUT_KVM_MS 15000
#define BOOT_TIMEOUT_TCG_MS 120000
#define PORT_ASK_MS         1000

struct lab_guest {
	struct transport transport;
	const struct lab_config *config;
	const struct lab_profile *profile;
	char *accelerator;
	int image; /* files in memory; -1 while there is no guest */
	int console;
	int errors;
	GPid pid;
	int status; /* of waitpid, once pid is 0 again */
	bool exited;
	bool panicked;
	struct lab_qmp *qmp; /* see control() */
	struct lab_waker *waker;
	char *command;       /* QEMU's, for the record */
	unsigned int blocks; /* of memory, before a device was unplugged */
};

static struct lab_guest *guest_of(struct transport *transport)
{
	return (struct lab_guest *)transport;
}

/* QEMU's control, once nobody else uses it; NULL while there is no guest. */
static struct lab_qmp *control(struct lab_guest *guest)
{
	g_free(lab_wake_done(&guest->waker));
	return guest->qmp;
}

/*
 * What QEMU reads and writes has no name: however this process ends, nothing of it is left in a file system.
 */
static bool make_files(struct lab_guest *guest, GError **error)
{
	guest->image = memfd_create(LAB_FILE_IMAGE, MFD_CLOEXEC);
	guest->console = memfd_create(LAB_FILE_CONSOLE, MFD_CLOEXEC);
	guest->errors = memfd_create(LAB_FILE_ERRORS, MFD_CLOEXEC);
	if (guest->image >= 0 && guest->console >= 0 && guest->errors >= 0)
		return true;
	g_set_error(error, LAB_ERROR, LAB_ERROR_SYSTEM, "no files in memory: %s",
		    g_strerror(errno));
	return false;
}

static void close_files(struct lab_guest *guest)
{
	int *const files[] = { &guest->image, &guest->console, &guest->errors };

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		if (*files[i] >= 0)
			close(*files[i]);
		*files[i] = -1;
	}
}

/* In QEMU's process, before exec: only what is safe after fork. */
struct child {
	pid_t parent;
	int errors;
	struct lab_descriptors descriptors;
};

static void prepare_child(gpointer data)
{
	const struct child *child = data;

	/* Our terminal's Ctrl-C is for us: QEMU ends when we have recorded what there is. But it never outlives us. */
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != child->parent)
		_exit(1);
	dup2(child->errors, STDERR_FILENO);
	dup2(child->errors, STDOUT_FILENO);
	fcntl(child->descriptors.image, F_SETFD, 0);
	fcntl(child->descriptors.console, F_SETFD, 0);
	fcntl(child->descriptors.agent, F_SETFD, 0);
	fcntl(child->descriptors.qmp, F_SETFD, 0);
}

static bool spawn(struct lab_guest *guest, int agent_fd, int qmp_fd, GError **error)
{
	struct child child = {
		.parent = getpid(),
		.errors = guest->errors,
		.descriptors = { guest->image, guest->console, agent_fd, qmp_fd },
	};
	g_autoptr(GPtrArray) command = NULL, plain = NULL;

	command = lab_qemu_command(guest->config, guest->profile, guest->accelerator, NULL,
				   &child.descriptors, error);
	/* What is recorded is what --print-qemu prints: the numbers of descriptors say nothing, and are others each time. */
	plain = command ? lab_qemu_command(guest->config, guest->profile, guest->accelerator, ".",
					   NULL, error)
			: NULL;
	if (!plain)
		return false;
	g_free(guest->command);
	guest->command = g_strjoinv(" ", (char **)plain->pdata);
	guest->exited = false;
	guest->panicked = false;
	return g_spawn_async(NULL, (char **)command->pdata, NULL,
			     G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
			     prepare_child, &child, &guest->pid, error);
}

/* Has QEMU ended, or does it within @timeout_ms? */
static bool has_exited(struct lab_guest *guest, int timeout_ms)
{
	struct pollfd ended = { .events = POLLIN };

	if (!guest->pid)
		return guest->exited;
	ended.fd = syscall(SYS_pidfd_open, guest->pid, 0);
	if (ended.fd >= 0) {
		poll(&ended, 1, timeout_ms);
		close(ended.fd);
	}
	if (waitpid(guest->pid, &guest->status, WNOHANG) != guest->pid)
		return false;
	g_spawn_close_pid(guest->pid);
	guest->pid = 0;
	guest->exited = true;
	return true;
}

static void append_tail(GString *text, int file, const char *title)
{
	g_autofree char *path = lab_descriptor_path(file);
	g_autofree char *content = NULL;
	g_auto(GStrv) lines = NULL;
	unsigned int count, first;

	if (!g_file_get_contents(path, &content, NULL, NULL) || !*g_strchomp(content))
		return;
	lines = g_strsplit(content, "\n", -1);
	count = g_strv_length(lines);
	first = count > CONSOLE_LINES_TOLD ? count - CONSOLE_LINES_TOLD : 0;
	/* A panic's cause stands before its backtrace. */
	for (unsigned int i = 0; i < first; i++)
		if (strstr(lines[i], "Kernel panic - not syncing"))
			first = i;
	g_string_append_printf(text, "\n%s:", title);
	for (unsigned int i = first; i < count; i++) {
		g_autofree char *line = g_utf8_make_valid(g_strchomp(lines[i]), -1);

		g_string_append_printf(text, "\n  %s", line);
	}
}

static char *death(struct transport *transport)
{
	struct lab_guest *guest = guest_of(transport);
	GString *text = g_string_new(NULL);
	g_autofree char *unwoken = NULL;

	if (guest->image < 0) {
		g_string_append(text, "the guest is not running");
		return g_string_free(text, FALSE);
	}
	unwoken = lab_wake_done(&guest->waker);
	guest->panicked = guest->panicked ||
			  (guest->qmp && lab_qmp_wait(guest->qmp, "GUEST_PANICKED", NULL, NULL, 0));
	if (guest->panicked)
		g_string_append(text, "the guest's kernel panicked");
	else if (
		!has_exited(
			guest,
			EXIT_TIMEOUT_MS)) /* a dying QEMU closes its sockets before its process is gone */
		g_string_append(text,
				"the guest hangs: QEMU runs, but nothing comes from the agent");
	else if (WIFSIGNALED(guest->status))
		g_string_append_printf(text, "QEMU was killed by signal %d (%s)",
				       WTERMSIG(guest->status), strsignal(WTERMSIG(guest->status)));
	else if (WEXITSTATUS(guest->status))
		g_string_append_printf(text, "QEMU exited with status %d",
				       WEXITSTATUS(guest->status));
	else
		g_string_append(text, "the guest powered off or reset itself");
	if (unwoken)
		g_string_append_printf(text, "; the guest was not woken: %s", unwoken);
	append_tail(text, guest->errors, "QEMU's last words");
	append_tail(text, guest->console, "the console's last lines");
	return g_string_free(text, FALSE);
}

static void stop(struct transport *transport)
{
	struct lab_guest *guest = guest_of(transport);

	if (guest->pid) {
		kill(guest->pid, SIGKILL);
		/* SIGKILL cannot be refused; only the kernel's own work delays the end. */
		waitpid(guest->pid, &guest->status, 0);
		g_spawn_close_pid(guest->pid);
		guest->pid = 0;
	}
	g_free(lab_wake_done(&guest->waker));
	g_clear_pointer(&guest->qmp, lab_qmp_free);
	/* The stream is closed by who got it: start() hands it over. */
	close_files(guest);
}

static int fail_phase(struct lab_guest *guest, const char *phase, GError **error)
{
	bool ended = has_exited(guest, EXIT_TIMEOUT_MS);
	g_autofree char *why = death(&guest->transport);

	g_clear_error(error);
	g_set_error(error, LAB_ERROR, LAB_ERROR_GUEST, "the guest did not get past '%s'%s: %s",
		    phase, ended ? "" : " in time", why);
	stop(&guest->transport);
	return -1;
}

/* Whether the guest has the agent's port open, asked of QEMU. False also when QEMU is gone. */
static bool port_is_open(struct lab_qmp *qmp, bool *gone)
{
	json_t *channels = lab_qmp_execute(qmp, "query-chardev", NULL, NULL);
	bool open = false;
	json_t *channel;
	size_t i;

	*gone = !channels;
	json_array_foreach(channels, i, channel)
	{
		const char *label = json_string_value(json_object_get(channel, "label"));

		if (g_strcmp0(label, "agent") == 0)
			open = json_is_true(json_object_get(channel, "frontend-open"));
	}
	json_decref(channels);
	return open;
}

/*
 * QEMU tells when the guest opens the port, but not to somebody whose greeting it has not worked off by then. With several guests
 * that start at once on few processors that was seen, so it is asked as well.
 */
static bool agent_came_up(struct lab_qmp *qmp, int timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + timeout_ms * (gint64)1000;
	bool gone = false;

	do {
		if (lab_qmp_wait(qmp, "VSERPORT_CHANGE", "open", "true", PORT_ASK_MS) ||
		    port_is_open(qmp, &gone))
			return true;
	} while (!gone && g_get_monotonic_time() < deadline);
	return false;
}

static int start(struct transport *transport, GError **error)
{
	struct lab_guest *guest = guest_of(transport);
	bool kvm = strcmp(guest->accelerator, "kvm") == 0;
	int agent[2] = { -1, -1 }, qmp[2] = { -1, -1 };
	g_autofree char *image = NULL;
	GError *problem = NULL;

	stop(transport);
	if (!make_files(guest, error))
		goto failed;
	image = lab_descriptor_path(guest->image);
	if (!lab_image_write(guest->config, transport->tests, image, error))
		goto failed;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, agent) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) < 0 ||
	    !g_unix_set_fd_nonblocking(agent[0], TRUE, NULL)) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_SYSTEM, "no sockets: %s",
			    g_strerror(errno));
		goto failed;
	}
	if (!spawn(guest, agent[1], qmp[1], error))
		goto failed;
	close(agent[1]);
	close(qmp[1]);
	guest->qmp = lab_qmp_new(qmp[0], &problem);
	if (!guest->qmp) {
		close(agent[0]);
		g_clear_error(&problem);
		return fail_phase(guest, "QEMU starts", error);
	}
	if (!agent_came_up(guest->qmp, kvm ? BOOT_TIMEOUT_KVM_MS : BOOT_TIMEOUT_TCG_MS)) {
		close(agent[0]);
		return fail_phase(guest, "Linux boots and starts the agent", error);
	}
	return agent[0];

failed:
	for (int i = 0; i < 2; i++) {
		if (agent[i] >= 0)
			close(agent[i]);
		if (qmp[i] >= 0)
			close(qmp[i]);
	}
	stop(transport);
	return -1;
}

static char *request(struct transport *transport, const char *line)
{
	struct lab_guest *guest = guest_of(transport);
	struct lab_qmp *qmp = control(guest);
	g_autoptr(GError) problem = NULL;
	json_t *result;

	if (!qmp)
		return g_strdup("error the guest is not running");
	if (g_str_has_prefix(line, "unplug "))
		return lab_unplug(qmp, guest->command, line + strlen("unplug "), &guest->blocks);
	if (g_str_has_prefix(line, "plug "))
		return lab_plug(qmp, guest->command, line + strlen("plug "), guest->blocks);
	if (strcmp(line, "wake") == 0) {
		g_autofree char *kernel = lab_kernel_file(guest->config, guest->profile->sleeps);

		return lab_wake_later(qmp, kernel, &guest->waker);
	}
	if (strcmp(line, "nmi") != 0)
		return g_strdup("error the lab knows unplug, plug, wake and nmi");
	result = lab_qmp_execute(qmp, "inject-nmi", NULL, &problem);
	if (!result)
		return g_strdup_printf("error %s", problem->message);
	json_decref(result);
	return g_strdup("ok nmi sent");
}

/* "10.2.2"; empty if QEMU does not say. */
static char *qemu_version(struct lab_guest *guest)
{
	struct lab_qmp *qmp = control(guest);
	json_t *answer = qmp ? lab_qmp_execute(qmp, "query-version", NULL, NULL) : NULL;
	int major, minor, micro;
	char *version;

	if (json_unpack(answer, "{s:{s:i, s:i, s:i}}", "qemu", "major", &major, "minor", &minor,
			"micro", &micro) == 0)
		version = g_strdup_printf("%d.%d.%d", major, minor, micro);
	else
		version = g_strdup("");
	json_decref(answer);
	return version;
}

static json_t *describe(struct transport *transport)
{
	struct lab_guest *guest = guest_of(transport);
	g_autofree char *version = qemu_version(guest);

	/* qemu/build.sh adds the device and the patches, or nobody does. */
	const char *build = lab_qemu_has_device(guest->config->qemu, "pcie-ats-testdev")
				    ? QEMU_BUILD_LAB
				    : QEMU_BUILD_STOCK;

	return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:s}", "profile", guest->profile->name,
			 "description", guest->profile->description, "accelerator",
			 guest->accelerator, "kernel", guest->config->kernel, "qemu",
			 guest->command, "qemu_version", version, "qemu_build", build);
}

static void free_guest(struct transport *transport)
{
	struct lab_guest *guest = guest_of(transport);

	stop(transport);
	g_free(guest->transport.name);
	g_free(guest->accelerator);
	g_free(guest->command);
	g_free(guest);
}

static const struct transport_ops ops = {
	.start = start,
	.request = request,
	.describe = describe,
	.death = death,
	.stop = stop,
	.free = free_guest,
};

struct transport *lab_transport(const struct lab_config *config, const struct lab_profile *profile,
				const char *accelerator)
{
	struct lab_guest *guest = g_new0(struct lab_guest, 1);

	guest->transport.ops = &ops;
	guest->transport.name = g_strdup(profile->name);
	/* Emulated instructions: measured between 5 and 15 times slower than the host's. */
	guest->transport.slowness = strcmp(accelerator, "kvm") == 0 ? 1 : 10;
	guest->transport.shares_fate = FALSE;
	guest->transport.copies = TRUE;
	guest->config = config;
	guest->profile = profile;
	guest->accelerator = g_strdup(accelerator);
	guest->image = guest->console = guest->errors = -1;
	return &guest->transport;
}
