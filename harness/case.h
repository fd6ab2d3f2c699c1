/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HARNESS_CASE_H
#define HARNESS_CASE_H

/* What the parts of the harness share; suites include harness/harness.h. */

#include <sys/types.h>

#include <iommut/kmsg.h>
#include <iommut/pci.h>

#include "harness/harness.h"

#define MAX_DEVICES 2
#define MAX_VARIANT 512
#define MAX_FIGURES 64

/* docs/architecture.md, "The suite's command line". BROKEN is any other number: the runner calls it a crash. */
enum exit_code {
	EXIT_CODE_PASS = 0,
	EXIT_CODE_FAIL = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_SKIP = 4,
	EXIT_CODE_BROKEN = 70,
};

struct undo {
	void (*undo)(void *argument);
	void *argument;
};

/* What a case has said of the faults that it provokes, and the kernel's log since it began. */
struct provoked {
	struct provocation *list;
	size_t count;
	size_t space;
	struct iommut_kmsg *log; /* NULL if it cannot be read */
	uint64_t logged;         /* number of the last record that was seen, if @has_logged */
	bool has_logged;
};

struct test {
	const struct test_case *which;
	const char *variant;
	const char *values[MAX_PARAMETERS];
	const char *engine;
	const char *devices[MAX_DEVICES];
	int device_count;
	uint64_t seed;
	uint64_t random;
	pid_t process;
	bool failed;
	struct provoked provoked;
	/* hashes of their names */
	uint64_t figures[MAX_FIGURES];
	size_t figure_count;
	struct belongings *belongings;
	struct undo *undos;
	size_t undo_count;
	size_t undo_space;
};

extern const struct suite suite;

/* case.c */
void suite_mistake(const char *what, const char *name) __attribute__((noreturn));
void case_end(struct test *t, enum exit_code code, const char *directive);

/* provoke.c */
#define BDF_SPACE (IOMMUT_BDF_SIZE + 4)

void watch_log(struct test *t);
/* Whether requests of a device bear another one's ID, and whose. */
bool shared_requester(const char *device, char alias[BDF_SPACE]);

/* leaks.c */
struct belongings *note_belongings(void);
bool left_nothing_behind(struct test *t);

/* variant.c */
int case_devices(const struct test_case *which);
int case_parameter(const struct test_case *which, const char *name);
bool parse_size(const char *text, uint64_t *size);
bool parse_seed(const char *text, uint64_t *seed);
const struct test_case *find_case(const char *name, size_t length);
const char *parse_variant(struct test *t, const char *variant, char *storage, size_t size);
uint64_t hash_text(const char *text);

/* list.c */
int list_cases(void);

/* The cases the linker collected. */
extern const struct test_case *const __start_test_cases[] __attribute__((weak));
extern const struct test_case *const __stop_test_cases[] __attribute__((weak));

#endif /* HARNESS_CASE_H */
