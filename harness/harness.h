/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HARNESS_HARNESS_H
#define HARNESS_HARNESS_H

/*
 * What a suite links. One process runs one variant of one case. The first expectation that is not met ends the case: what was set
 * up is undone in reverse order, and the process exits. So a case is a straight line, and nothing in it needs checking twice.
 *
 * docs/writing-a-test.md is the introduction.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test;

/**
 * struct parameter - a parameter of a case
 * @name: letters, digits, '_' and '-'
 * @values: NULL-terminated
 * @fallback: value that is left out of the variant's name; NULL if every value is named
 */
struct parameter {
	const char *name;
	const char *const *values;
	const char *fallback;
};

#define MAX_PARAMETERS 8

/* .devices of a case that asks the kernel alone. */
#define NO_DEVICE (-1)

/**
 * struct test_case - one behaviour
 * @name: unique in its suite
 * @proves: the sentence it proves
 * @rule: where the rule is written: uAPI structure or spec section
 * @marks: words to choose it by: smoke, slow, stress, perf, destructive, demo; NULL-terminated or NULL
 * @needs: what it cannot do without, for people and planning: "engine.pasid", "iommufd", "devices.2"...; NULL-terminated or NULL
 * @parameters: ends with a NULL name
 * @excludes: "name=value,name=value": variants matching all pairs do not exist; NULL-terminated or NULL
 * @devices: how many devices it needs; 0 is one, NO_DEVICE none, 2 is the most
 * @timeout_ms: deadline on an idle machine with KVM or hardware; 0 is 10 s
 * @run: the case
 */
struct test_case {
	const char *name;
	const char *proves;
	const char *rule;
	const char *const *marks;
	const char *const *needs;
	struct parameter parameters[MAX_PARAMETERS + 1];
	const char *const *excludes;
	int devices;
	unsigned int timeout_ms;
	void (*run)(struct test *t);
};

/**
 * struct suite - what one program is about
 * @name: as case IDs spell it
 * @about: one line
 */
struct suite {
	const char *name;
	const char *about;
};

/* The suite's name; once in each program. */
#define SUITE(suite_name, suite_about) const struct suite suite = { suite_name, suite_about }

/* gcc would otherwise emit them last first; clang keeps their order by itself. */
#ifdef __clang__
#define TEST_CASE_ENTRY __attribute__((used, section("test_cases")))
#else
#define TEST_CASE_ENTRY __attribute__((used, no_reorder, section("test_cases")))
#endif

/*
 * A case: CASE(name, .proves = ..., .rule = ...) { body using t }. One device is the default. The pointers are collected by the
 * linker in a section, so that a case is listed by being written.
 */
#define CASE(case_name, ...)                                                       \
	static void case_name##_run(struct test *t);                               \
	static const struct test_case case_name##_case = { .name = #case_name,     \
							   .run = case_name##_run, \
							   __VA_ARGS__ };          \
	static const struct test_case *const case_name##_entry TEST_CASE_ENTRY =   \
		&case_name##_case;                                                 \
	static void case_name##_run(struct test *t)

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define PARAMETER(name, ...)                    \
	{                                       \
		(name), LIST(__VA_ARGS__), NULL \
	}
#define PARAMETER_OR(name, fallback, ...)             \
	{                                             \
		(name), LIST(__VA_ARGS__), (fallback) \
	}
#define BACKENDS     PARAMETER("backend", "type1", "compat", "iommufd")
#define IOMMUFD_ONLY PARAMETER("backend", "iommufd")

/**
 * param() - value of a parameter in this variant
 * @t: the test
 * @name: declared in the case
 *
 * Return: its value. A name that is not declared ends the process as a mistake in the suite.
 */
const char *param(struct test *t, const char *name);

/**
 * param_size() - value of a parameter as a number of bytes
 * @t: the test
 * @name: declared in the case; values are numbers with K, M or G behind
 *
 * Return: bytes.
 */
uint64_t param_size(struct test *t, const char *name);

/**
 * param_is() - whether a parameter has a value
 * @t: the test
 * @name: declared in the case
 * @value: the value
 *
 * Return: true if it has.
 */
bool param_is(struct test *t, const char *name, const char *value);

/**
 * has_param() - whether the case declares a parameter
 * @t: the test
 * @name: a name
 *
 * Return: true if it does.
 */
bool has_param(struct test *t, const char *name);

/**
 * random64() - the next random number of this variant
 * @t: the test
 *
 * The sequence depends on the run's seed and the variant's name alone.
 *
 * Return: 64 random bits.
 */
uint64_t random64(struct test *t);

/**
 * random_below() - a random number below a bound
 * @t: the test
 * @bound: above 0
 *
 * Return: 0 to @bound - 1.
 */
uint64_t random_below(struct test *t, uint64_t bound);

/**
 * test_device_name() - PCI address of a device the case was given
 * @t: the test
 * @index: from 0
 *
 * Return: "DDDD:BB:DD.F".
 */
const char *test_device_name(struct test *t, int index);

/**
 * note() - a diagnostic line in the case's output
 * @t: the test
 * @format: as printf(3)
 */
void note(struct test *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * enum figure_unit - what a figure counts
 * @FIGURE_US: microseconds
 * @FIGURE_PER_SECOND: how often in a second
 * @FIGURE_PERCENT: a share
 */
enum figure_unit { FIGURE_US, FIGURE_PER_SECOND, FIGURE_PERCENT };

/**
 * figure() - tell what the case has measured: it gets into the results, and iommut diff compares it
 * @t: the test
 * @name: letters, digits and '_', 48 at most; once in a case
 * @value: a number up to 1e15
 * @unit: of @value
 *
 * 64 figures at most. The verdict never depends on one: how fast something has to be nobody promises.
 */
void figure(struct test *t, const char *name, double value, enum figure_unit unit);

/**
 * enum provoked_access - what a device wants that an IOMMU refuses
 * @PROVOKED_READ: to read
 * @PROVOKED_WRITE: to write
 * @PROVOKED_INTERRUPT: alone: an interrupt
 * @PROVOKED_PAGE_REQUEST: alone: a page that nobody gives it
 */
enum provoked_access {
	PROVOKED_READ = 1,
	PROVOKED_WRITE = 2,
	PROVOKED_INTERRUPT = 4,
	PROVOKED_PAGE_REQUEST = 8,
};

/* For struct provocation: requests with and without a PASID. */
#define ANY_PASID (UINT32_MAX - 1)

/**
 * struct provocation - faults that a case means to provoke
 * @device: "DDDD:BB:DD.F", whose requests are refused
 * @access: enum provoked_access bits
 * @first: lowest address of memory that it tries; what is reported is the page
 * @last: highest
 * @pasid: of its requests; IOMMUT_NO_PASID, ANY_PASID
 */
struct provocation {
	const char *device;
	enum provoked_access access;
	uint64_t first;
	uint64_t last;
	uint32_t pasid;
};

/**
 * provokes_faults() - say which faults an IOMMU is going to report
 * @t: the test
 * @faults: those
 *
 * To be called before the device is let loose. A fault that the kernel reports and that no case has announced so makes the case fail. It holds to the
 * end of the case, because a report may come late. What stays unreported is no failure: reports are rate-limited.
 * Expectations of DMA that is blocked say it themselves; harness/dma.h has what others need.
 */
void provokes_faults(struct test *t, const struct provocation *faults);

/**
 * skip() - end the case: it cannot be judged here
 * @t: the test
 * @reason: what is missing
 * @lift: what would lift the skip
 */
void skip(struct test *t, const char *reason, const char *lift) __attribute__((noreturn));

/**
 * skipf() - end the case: it cannot be judged here, with numbers in the reason
 * @t: the test
 * @lift: what would lift the skip
 * @format: the reason, as printf(3)
 */
void skipf(struct test *t, const char *lift, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/**
 * undo_later() - something to be done when the case ends, however it ends
 * @t: the test
 * @undo: called with @argument; the last one given is called first
 * @argument: for @undo
 *
 * What has been given back by the case itself must be marked so in @argument: undo functions run in any case.
 */
void undo_later(struct test *t, void (*undo)(void *argument), void *argument);

/**
 * close_later() - close a descriptor when the case ends, however it ends
 * @t: the test
 * @fd: the descriptor; the case does not close it
 */
void close_later(struct test *t, int fd);

/**
 * write_setting() - write a file of the kernel's: in sysfs, debugfs or below /proc
 * @path: the file
 * @text: all of what it gets
 *
 * Return: 0 or a negative errno; -EIO if the kernel took only a part.
 */
int write_setting(const char *path, const char *text);

/**
 * need_isolated_interrupts() - skip if the kernel refuses a device for its interrupts
 * @t: the test
 * @error: of a call that gives a program a device: -EPERM is that
 */
void need_isolated_interrupts(struct test *t, int error);

/* Where an expectation stands. */
struct place {
	const char *file;
	int line;
	const char *expression;
};

#define PLACE(expression) (&(const struct place){ __FILE__, __LINE__, expression })

void expectation_failed(struct test *t, const struct place *place, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void check_true(struct test *t, bool value, const struct place *place);
void check_zero(struct test *t, int64_t result, const struct place *place);
void check_errno(struct test *t, int64_t result, int expected, const struct place *place);
void check_equal(struct test *t, uint64_t actual, uint64_t expected, const struct place *place);

/* A condition holds. */
#define expect(t, condition) check_true(t, condition, PLACE(#condition))

/* A condition holds; the message says what was seen. */
#define expect_that(t, condition, ...)                                         \
	do {                                                                   \
		if (!(condition))                                              \
			expectation_failed(t, PLACE(#condition), __VA_ARGS__); \
	} while (0)

/* A call returns 0. */
#define expect_zero(t, call) check_zero(t, call, PLACE(#call))

/* A call returns the negative of an errno value. */
#define expect_errno(t, call, expected) check_errno(t, call, expected, PLACE(#call))

/* Two numbers are the same. */
#define expect_equal(t, actual, expected) \
	check_equal(t, actual, expected, PLACE(#actual " == " #expected))

/* The case cannot go on. */
#define fail(t, ...) expectation_failed(t, PLACE(NULL), __VA_ARGS__)

/**
 * now_ms() - a clock for deadlines: engine_now_ms()
 *
 * Return: milliseconds.
 */
int64_t now_ms(void);

#endif /* HARNESS_HARNESS_H */
