// SPDX-License-Identifier: GPL-2.0-or-later
/* One variant of one case: its parameters, its random numbers, its expectations and its end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engines/engine.h"
#include "harness/case.h"

#define MAX_LINE 2048

int64_t now_ms(void)
{
	return engine_now_ms();
}

/* Diagnostics are lines of their own: a message of several lines gets the mark before each. */
static void print_diagnostic(const char *text)
{
	while (text) {
		const char *end = strchr(text, '\n');
		size_t length = end ? (size_t)(end - text) : strlen(text);

		printf("# %.*s\n", (int)length, text);
		text = end ? end + 1 : NULL;
	}
	fflush(stdout);
}

void note(struct test *t, const char *format, ...)
{
	char line[MAX_LINE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	print_diagnostic(line);
}

void undo_later(struct test *t, void (*undo)(void *argument), void *argument)
{
	if (t->undo_count == t->undo_space) {
		size_t space = t->undo_space ? 2 * t->undo_space : 32;
		struct undo *undos = realloc(t->undos, space * sizeof(*undos));

		if (!undos)
			fail(t, "out of memory");
		t->undos = undos;
		t->undo_space = space;
	}
	t->undos[t->undo_count++] = (struct undo){ undo, argument };
}

static void close_argument(void *argument)
{
	close((int)(intptr_t)argument);
}

void close_later(struct test *t, int fd)
{
	undo_later(t, close_argument, (void *)(intptr_t)fd);
}

int write_setting(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, text, strlen(text));
	if (written < 0)
		error = -errno;
	else if (written != (ssize_t)strlen(text))
		error = -EIO;
	close(fd);
	return error;
}

void need_isolated_interrupts(struct test *t, int error)
{
	if (error == -EPERM)
		skip(t, "the kernel refuses the device: its interrupts are not isolated",
		     "interrupt remapping (intremap=on), or allow_unsafe_interrupts=1 for "
		     "vfio_iommu_type1 and iommufd");
}

/* A failure while undoing must not undo again what is being undone. */
static void undo_all(struct test *t)
{
	while (t->undo_count) {
		struct undo undo = t->undos[--t->undo_count];

		undo.undo(undo.argument);
	}
}

void case_end(struct test *t, enum exit_code code, const char *directive)
{
	/* Only the process that runs the case judges it; a child that it forked just ends. */
	if (getpid() != t->process)
		_exit(code);
	if (code == EXIT_CODE_FAIL && t->failed) {
		printf("# failed again while giving things back\n");
	} else {
		t->failed = code == EXIT_CODE_FAIL;
		undo_all(t);
		/* What a failure leaves behind is its consequence, and no news. */
		if (!t->failed && !left_nothing_behind(t))
			t->failed = true;
	}
	if (t->failed)
		code = EXIT_CODE_FAIL;
	printf("%s 1 %s%s\n", code == EXIT_CODE_FAIL ? "not ok" : "ok", t->variant,
	       code == EXIT_CODE_SKIP ? directive : "");
	/* A result that did not get out must not look like a pass. */
	if (fflush(stdout) != 0)
		_exit(EXIT_CODE_BROKEN);
	exit(code);
}

/* '#' and newlines would change the meaning of a KTAP line. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if (*text == '#' || *text == '\n' || *text == '\r')
			*text = ' ';
}

void skip(struct test *t, const char *reason, const char *lift)
{
	char directive[MAX_LINE];
	char *text = directive;
	size_t room = sizeof(directive);
	int start = snprintf(text, room, " # SKIP ");

	snprintf(text + start, room - (size_t)start, "%s; lift: %s", reason, lift);
	make_plain(text + start);
	case_end(t, EXIT_CODE_SKIP, directive);
	abort();
}

void skipf(struct test *t, const char *lift, const char *format, ...)
{
	char reason[MAX_LINE / 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	skip(t, reason, lift);
}

void expectation_failed(struct test *t, const struct place *place, const char *format, ...)
{
	char line[MAX_LINE];
	va_list arguments;

	if (place->expression)
		note(t, "%s:%d: expected: %s", place->file, place->line, place->expression);
	else
		note(t, "%s:%d: cannot go on", place->file, place->line);
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	note(t, "seen: %s", line);
	note(t, "seed: 0x%" PRIx64, t->seed);
	case_end(t, EXIT_CODE_FAIL, NULL);
	abort();
}

void check_true(struct test *t, bool value, const struct place *place)
{
	if (!value)
		expectation_failed(t, place, "false");
}

static void describe_result(char *text, size_t size, int64_t result)
{
	if (result < 0 && result > -4096)
		snprintf(text, size, "-%s (%s)", strerrorname_np((int)-result) ?: "?",
			 strerror((int)-result));
	else
		snprintf(text, size, "%" PRId64, result);
}

void check_zero(struct test *t, int64_t result, const struct place *place)
{
	char seen[128];

	if (result == 0)
		return;
	describe_result(seen, sizeof(seen), result);
	expectation_failed(t, place, "it returned %s instead of 0", seen);
}

void check_errno(struct test *t, int64_t result, int expected, const struct place *place)
{
	char seen[128], wanted[128];

	if (result == -(int64_t)expected)
		return;
	describe_result(seen, sizeof(seen), result);
	describe_result(wanted, sizeof(wanted), -(int64_t)expected);
	expectation_failed(t, place, "it returned %s instead of %s", seen, wanted);
}

void check_equal(struct test *t, uint64_t actual, uint64_t expected, const struct place *place)
{
	if (actual != expected)
		expectation_failed(t, place,
				   "%" PRIu64 " (0x%" PRIx64 ") instead of %" PRIu64 " (0x%" PRIx64
				   ")",
				   actual, actual, expected, expected);
}

/* splitmix64: every seed gives a full-period sequence, also 0. */
uint64_t random64(struct test *t)
{
	uint64_t z = t->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t random_below(struct test *t, uint64_t bound)
{
	/* Multiply and take the high half: no bias that a test could notice, and no loop. */
	return (uint64_t)(((unsigned __int128)random64(t) * bound) >> 64);
}

void suite_mistake(const char *what, const char *name)
{
	fprintf(stderr, "mistake in the suite: %s: %s\n", what, name);
	_exit(EXIT_CODE_BROKEN);
}

bool has_param(struct test *t, const char *name)
{
	return case_parameter(t->which, name) >= 0;
}

const char *param(struct test *t, const char *name)
{
	int index = case_parameter(t->which, name);

	if (index < 0)
		suite_mistake("no such parameter", name);
	return t->values[index];
}

bool param_is(struct test *t, const char *name, const char *value)
{
	return strcmp(param(t, name), value) == 0;
}

uint64_t param_size(struct test *t, const char *name)
{
	const char *value = param(t, name);
	uint64_t size;

	if (!parse_size(value, &size))
		suite_mistake("a value that is no size", value);
	return size;
}

const char *test_device_name(struct test *t, int index)
{
	if (index < 0 || index >= t->device_count)
		suite_mistake("a device the case did not ask for", t->which->name);
	return t->devices[index];
}
