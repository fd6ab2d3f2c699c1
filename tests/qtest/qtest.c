/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's qtest protocol: a command per line, an answer per line that begins with OK, and lines about interrupts in between. */
#include "qtest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 60000

struct qtest {
	pid_t pid;
	int fd;
	char *errors; /* the file that holds QEMU's standard error */
	char input[65536];
	size_t filled;
	size_t taken;
};

void (*qtest_on_break)(void);

struct lab_config *qtest_config(char **why)
{
	const char *chosen = g_getenv("IOMMUT_QTEST_QEMU");
	g_autoptr(GError) error = NULL;
	g_autoptr(lab_config) config = lab_config_new(NULL, NULL, NULL, &error);

	if (!config) {
		*why = g_strdup(error->message);
		return NULL;
	}
	/* Its firmware is not run, but wanted: another QEMU gets the lab's, too. */
	if (chosen) {
		g_free(config->qemu);
		config->qemu = g_strdup(chosen);
	}
	if (!lab_qemu_has_device(config->qemu, "pcie-ats-testdev")) {
		*why = g_strdup_printf("%s has no pcie-ats-testdev", config->qemu);
		return NULL;
	}
	return g_steal_pointer(&config);
}

static char *said(const struct qtest *qtest)
{
	char *text = NULL;

	g_file_get_contents(qtest->errors, &text, NULL, NULL);
	return text ? text : g_strdup("");
}

static void G_GNUC_PRINTF(2, 3) G_GNUC_NORETURN broken(struct qtest *qtest, const char *format, ...)
{
	g_autofree char *text = said(qtest);
	g_autofree char *what = NULL;
	va_list arguments;

	va_start(arguments, format);
	what = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	if (qtest_on_break)
		qtest_on_break();
	g_error("%s. QEMU said: %s", what, *text ? text : "nothing");
}

static pid_t launch(const struct lab_config *config, const char *const *arguments, int fd,
		    int errors)
{
	g_autoptr(GPtrArray) command = g_ptr_array_new();
	g_autofree char *chardev = g_strdup_printf("socket,id=qtest,fd=%d", fd);
	const char *const first[] = { config->qemu, "-accel", "qtest",  "-display",
				      "none",       "-vga",   "none",   "-nodefaults",
				      "-chardev",   chardev,  "-qtest", "chardev:qtest",
				      "-qtest-log", "none" };
	pid_t parent = getpid(), pid;

	for (unsigned int i = 0; i < G_N_ELEMENTS(first); i++)
		g_ptr_array_add(command, (char *)first[i]);
	if (config->qemu_data) {
		g_ptr_array_add(command, (char *)"-L");
		g_ptr_array_add(command, config->qemu_data);
	}
	for (; *arguments; arguments++)
		g_ptr_array_add(command, (char *)*arguments);
	g_ptr_array_add(command, NULL);
	pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid)
		return pid;
	/* It must not outlive a test that is killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(errors, STDERR_FILENO) < 0)
		_exit(127);
	execv(config->qemu, (char **)command->pdata);
	fprintf(stderr, "%s: %s\n", config->qemu, strerror(errno));
	_exit(127);
}

struct qtest *qtest_start(const struct lab_config *config, const char *const *arguments)
{
	struct qtest *qtest = g_new0(struct qtest, 1);
	g_autoptr(GError) error = NULL;
	int pair[2], errors;

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	errors = g_file_open_tmp("iommut-qtest-XXXXXX", &qtest->errors, &error);
	g_assert_no_error(error);
	/* QEMU's end has to survive its execv; no other process is started meanwhile. */
	g_assert_cmpint(fcntl(pair[1], F_SETFD, 0), ==, 0);
	qtest->fd = pair[0];
	qtest->pid = launch(config, arguments, pair[1], errors);
	close(pair[1]);
	close(errors);
	return qtest;
}

static void discard(struct qtest *qtest)
{
	close(qtest->fd);
	unlink(qtest->errors);
	g_free(qtest->errors);
	g_free(qtest);
}

void qtest_stop(struct qtest *qtest)
{
	int status;

	kill(qtest->pid, SIGTERM);
	g_assert_cmpint(waitpid(qtest->pid, &status, 0), ==, qtest->pid);
	/* Asked to end, QEMU exits; with sanitizers it tells their verdict by that. */
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		broken(qtest, "QEMU ended with status 0x%x", status);
	discard(qtest);
}

/* A QEMU that has started answers; one that refuses its arguments closes the socket. */
char *qtest_refusal(const struct lab_config *config, const char *const *arguments)
{
	static const char question[] = "clock_step 0\n";
	struct qtest *qtest = qtest_start(config, arguments);
	char *text;
	int status;

	if (send(qtest->fd, question, sizeof(question) - 1, MSG_NOSIGNAL) > 0)
		g_assert_cmpint(read(qtest->fd, qtest->input, sizeof(qtest->input)), <=, 0);
	g_assert_cmpint(waitpid(qtest->pid, &status, 0), ==, qtest->pid);
	text = said(qtest);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
		broken(qtest, "QEMU ended with status 0x%x", status);
	discard(qtest);
	return text;
}

static void send_text(struct qtest *qtest, const char *text, size_t length)
{
	while (length) {
		ssize_t sent = send(qtest->fd, text, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			broken(qtest, "cannot write to QEMU: %s", strerror(errno));
		text += sent;
		length -= sent;
	}
}

static void receive(struct qtest *qtest)
{
	struct pollfd ready = { .fd = qtest->fd, .events = POLLIN };
	ssize_t length;

	memmove(qtest->input, qtest->input + qtest->taken, qtest->filled - qtest->taken);
	qtest->filled -= qtest->taken;
	qtest->taken = 0;
	g_assert_cmpuint(qtest->filled, <, sizeof(qtest->input));
	if (poll(&ready, 1, ANSWER_MS) <= 0)
		broken(qtest, "no answer in %d s", ANSWER_MS / 1000);
	length =
		read(qtest->fd, qtest->input + qtest->filled, sizeof(qtest->input) - qtest->filled);
	if (length <= 0)
		broken(qtest, "QEMU went away");
	qtest->filled += length;
}

/* The next answer without its OK, valid until the next one is asked for. */
static char *answer(struct qtest *qtest)
{
	for (;;) {
		char *line = qtest->input + qtest->taken;
		char *end = memchr(line, '\n', qtest->filled - qtest->taken);

		if (!end) {
			receive(qtest);
			continue;
		}
		*end = 0;
		qtest->taken = end + 1 - qtest->input;
		if (g_str_has_prefix(line, "IRQ "))
			continue;
		if (!g_str_has_prefix(line, "OK"))
			broken(qtest, "QEMU answered: %s", line);
		return line + 2;
	}
}

static char *G_GNUC_PRINTF(2, 3) ask(struct qtest *qtest, const char *format, ...)
{
	char line[128];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	g_assert_cmpint(length, <, (int)sizeof(line));
	send_text(qtest, line, length);
	return answer(qtest);
}

static char width(unsigned int bytes)
{
	return bytes == 1 ? 'b' : bytes == 2 ? 'w' : bytes == 4 ? 'l' : 'q';
}

uint64_t qtest_read(struct qtest *qtest, uint64_t address, unsigned int bytes)
{
	return strtoull(ask(qtest, "read%c 0x%" PRIx64 "\n", width(bytes), address), NULL, 0);
}

void qtest_write(struct qtest *qtest, uint64_t address, unsigned int bytes, uint64_t value)
{
	ask(qtest, "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", width(bytes), address, value);
}

void qtest_out(struct qtest *qtest, uint16_t port, uint32_t value)
{
	ask(qtest, "outl 0x%x 0x%x\n", port, value);
}

uint32_t qtest_in(struct qtest *qtest, uint16_t port)
{
	return strtoul(ask(qtest, "inl 0x%x\n", port), NULL, 0);
}

/* In parts whose answers fit into the input. */
void qtest_get(struct qtest *qtest, uint64_t address, void *buffer, size_t length)
{
	guint8 *bytes = buffer;

	while (length) {
		size_t part = MIN(length, sizeof(qtest->input) / 2);
		g_autofree guchar *decoded = NULL;
		gsize size;

		decoded = g_base64_decode(
			ask(qtest, "b64read 0x%" PRIx64 " 0x%zx\n", address, part), &size);
		g_assert_cmpuint(size, ==, part);
		memcpy(bytes, decoded, part);
		bytes += part;
		address += part;
		length -= part;
	}
}

void qtest_put(struct qtest *qtest, uint64_t address, const void *buffer, size_t length)
{
	g_autofree char *encoded = g_base64_encode(buffer, length);
	g_autofree char *line =
		g_strdup_printf("b64write 0x%" PRIx64 " 0x%zx %s\n", address, length, encoded);

	send_text(qtest, line, strlen(line));
	answer(qtest);
}

void qtest_fill(struct qtest *qtest, uint64_t address, size_t length, uint8_t value)
{
	ask(qtest, "memset 0x%" PRIx64 " 0x%zx 0x%x\n", address, length, value);
}

uint64_t qtest_clock_step(struct qtest *qtest, uint64_t nanoseconds)
{
	return strtoull(ask(qtest, "clock_step %" PRIu64 "\n", nanoseconds), NULL, 0);
}

void qtest_batch(struct qtest *qtest, const GString *lines, unsigned int count)
{
	send_text(qtest, lines->str, lines->len);
	for (unsigned int i = 0; i < count; i++)
		answer(qtest);
}
