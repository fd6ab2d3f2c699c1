/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_FOREIGN_H
#define RUNNER_FOREIGN_H

/*
 * Tests that somebody else wrote: programs that print TAP or KTAP, or say nothing but an exit status. A description, which is a key
 * file, makes a suite of them: docs/running.md, "Tests of others".
 */

#include <glib.h>

#include "runner/catalogue.h"

#define FOREIGN_MAX_PROGRAMS 1000
#define FOREIGN_MAX_NAME     200

/**
 * struct foreign - a program of a description
 * @suite: the suite's name
 * @name: its name in the suite: IDs begin with SUITE/NAME
 * @about: what the suite is about
 * @proves: the sentence it proves
 * @rule: where that is promised
 * @folder: where the description is, absolute: what it names is relative to it
 * @program: path; an absolute one is on the machine under test already
 * @files: further files that it needs beside it
 * @arguments: with ${device} and the like in them
 * @environment: NAME=VALUE, likewise
 * @select: arguments that make it run one case, ${case}; empty if it cannot
 * @cases: names of its cases, each of which becomes a process of its own; empty: all that it has run in one
 * @engines: engines whose devices it takes; empty: any
 * @marks: marks
 * @devices: how many devices it takes
 * @timeout_ms: deadline of a process, on idle hardware
 * @provokes_faults: faults of its devices are meant to be
 * @allowed: of GRegex *: lines of the kernel log that are no failure of it
 *
 * The lists are NULL-terminated and never NULL.
 */
struct foreign {
	char *suite;
	char *name;
	char *about;
	char *proves;
	char *rule;
	char *folder;
	char *program;
	char **files;
	char **arguments;
	char **environment;
	char **select;
	char **cases;
	char **engines;
	char **marks;
	guint devices;
	guint timeout_ms;
	gboolean provokes_faults;
	GPtrArray *allowed;
};

/* A new list of struct foreign *. */
GPtrArray *foreign_new(void);

/**
 * foreign_parse() - read the text of a description
 * @programs: gets its programs
 * @text: the text
 * @length: bytes
 * @folder: where the description is
 * @error: RUNNER_ERROR_USAGE, naming line and key
 */
gboolean foreign_parse(GPtrArray *programs, const char *text, gsize length, const char *folder,
		       GError **error);

/**
 * foreign_load() - read descriptions
 * @paths: files, or folders of files NAME.conf; NULL-terminated, or NULL
 * @error: RUNNER_ERROR_USAGE, naming the file, and what it needs that is not there
 *
 * Return: of struct foreign *.
 */
GPtrArray *foreign_load(char **paths, GError **error);

/**
 * foreign_add_cases() - make cases of programs
 * @cases: of struct test_case *: gets theirs, which refer to @programs
 * @programs: of struct foreign *
 * @error: RUNNER_ERROR_USAGE when a suite of the name is there already
 */
gboolean foreign_add_cases(GPtrArray *cases, const GPtrArray *programs, GError **error);

/**
 * struct foreign_file - a file that a program needs on the machine under test
 * @from: path here
 * @to: SUITE/PATH
 */
struct foreign_file {
	char *from;
	char *to;
};

/**
 * foreign_files() - what is to be copied to another machine
 * @programs: of struct foreign *, or NULL
 *
 * Return: of struct foreign_file *, each @to once.
 */
GPtrArray *foreign_files(const GPtrArray *programs);

/**
 * struct foreign_call - what a text with ${...} in it may speak of
 * @devices: addresses; NULL-terminated
 * @part: name of the case, or NULL
 * @seed: the case's
 */
struct foreign_call {
	const char *const *devices;
	const char *part;
	guint64 seed;
};

/**
 * foreign_arguments() - the arguments of a process
 * @program: the program
 * @call: what fills them
 *
 * Return: a new NULL-terminated array: without the program's own name.
 */
char **foreign_arguments(const struct foreign *program, const struct foreign_call *call);

/**
 * foreign_environment() - what is added to the environment of a process
 * @program: the program
 * @call: what fills it
 *
 * Return: a new NULL-terminated array of NAME=VALUE.
 */
char **foreign_environment(const struct foreign *program, const struct foreign_call *call);

/**
 * foreign_uses_seed() - would another seed make another process?
 */
gboolean foreign_uses_seed(const struct foreign *program);

/**
 * foreign_allows() - is a line of the kernel log no failure of this program?
 */
gboolean foreign_allows(const struct foreign *program, const char *line);

/**
 * foreign_name() - what a program calls a test, as a part of an ID
 * @text: its words
 *
 * Return: a new string of at most FOREIGN_MAX_NAME characters of [A-Za-z0-9_.-]; empty if nothing of it is left.
 */
char *foreign_name(const char *text);

#endif /* RUNNER_FOREIGN_H */
