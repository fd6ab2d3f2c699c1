// SPDX-License-Identifier: GPL-2.0-or-later
/* Plays random sequences, and makes those that fail short. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suites/model.h"

/* How long may be spent on making a sequence shorter: what is reached by then is printed. */
#define SHRINK_MS 20000

/* A fresh process opens and closes the device, which resets it; no sequence takes longer. */
#define ATTEMPT_SECONDS 10

void found(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	if (finding->found)
		return;
	finding->found = true;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

static void play(const struct player *player, void *state, const struct script *script,
		 struct tally *tally, struct finding *finding)
{
	finding->found = false;
	for (finding->step = 0; finding->step < script->count; finding->step++) {
		player->play(state, &script->step[finding->step], tally, finding);
		if (finding->found)
			return;
	}
	player->finish(state, finding);
}

/* One attempt in a new process, so that nothing of an earlier one is left: the finding comes back through shared memory. */
static bool fails_afresh(struct test *t, const struct player *player, const struct script *script,
			 struct finding *shared)
{
	int status;
	pid_t child;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	child = fork();
	if (child < 0)
		fail(t, "fork: %s", strerror(errno));
	if (child == 0) {
		struct tally tally = { 0 };
		void *state;

		alarm(ATTEMPT_SECONDS);
		state = player->open(t);
		play(player, state, script, &tally, shared);
		player->close(state);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			fail(t, "waitpid: %s", strerror(errno));
	/* Another exit status means that the device could not be opened, which says nothing about the sequence. */
	if (WIFSIGNALED(status))
		found(shared, "the process that played it was ended by %s",
		      strsignal(WTERMSIG(status)));
	return shared->found;
}

static struct script without(const struct script *script, int from, int count)
{
	struct script rest = { .count = 0 };

	for (int i = 0; i < script->count; i++)
		if (i < from || i >= from + count)
			rest.step[rest.count++] = script->step[i];
	return rest;
}

/* Leaves out ever smaller pieces as long as it still fails. Return: how many attempts it took. */
static int shrink(struct test *t, const struct player *player, struct script *script,
		  struct finding *shared)
{
	int64_t deadline = now_ms() + SHRINK_MS;
	int attempts = 0;

	for (int piece = (script->count + 1) / 2; piece > 0;) {
		bool shorter = false;

		for (int from = 0; from < script->count && now_ms() < deadline;) {
			struct script rest = without(script, from, piece);

			attempts++;
			if (rest.count < script->count && fails_afresh(t, player, &rest, shared)) {
				*script = rest;
				shorter = true;
			} else {
				from += piece;
			}
		}
		if (now_ms() >= deadline) {
			note(t, "not made as short as possible: no time left");
			break;
		}
		/* Once single steps can be left out, others may have become superfluous. */
		if (piece > 1)
			piece /= 2;
		else if (!shorter)
			break;
	}
	return attempts;
}

static void print_script(struct test *t, const struct player *player, void *state,
			 const struct script *script, int here)
{
	char text[256];

	for (int i = 0; i < script->count; i++) {
		player->print(state, &script->step[i], text, sizeof(text));
		note(t, "  %2d. %s%s", i + 1, text, i == here ? "   <-- here" : "");
	}
	if (here >= script->count)
		note(t, "      give everything back   <-- here");
}

static void __attribute__((noreturn))
report(struct test *t, const struct player *player, void *state, struct script *script,
       const struct finding *first, unsigned int number)
{
	struct finding *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct finding last = *first;
	int attempts = 0;

	if (shared == MAP_FAILED)
		fail(t, "no shared memory: %s", strerror(errno));
	/* What comes after the step that failed has no part in it; the end needs all. */
	if (first->step < script->count)
		script->count = first->step + 1;
	if (fails_afresh(t, player, script, shared)) {
		attempts = shrink(t, player, script, shared);
		/* Attempts that went well have overwritten what was found. */
		if (fails_afresh(t, player, script, shared))
			last = *shared;
		note(t, "sequence %u, made as short as %d calls in %d attempts:", number,
		     script->count, attempts);
	} else {
		note(t, "sequence %u; alone it does not fail: it needs those before it:", number);
	}
	print_script(t, player, state, script, last.step);
	fail(t, "%s", last.text);
}

void play_script(struct test *t, const struct player *player, const struct script *script,
		 void (*check)(struct test *t, void *state))
{
	void *state = player->open(t);
	struct tally tally = { 0 };
	struct finding finding;

	if (check)
		check(t, state);
	play(player, state, script, &tally, &finding);
	if (!finding.found)
		return;
	print_script(t, player, state, script, finding.step);
	fail(t, "%s", finding.text);
}

void play_scripts(struct test *t, const struct player *player, unsigned int count, int length)
{
	void *state = player->open(t);
	struct tally tally = { 0 };
	struct finding finding;

	for (unsigned int number = 1; number <= count; number++) {
		struct script script = { .count = 0 };

		for (int i = 0; i < length; i++) {
			script.step[i] = player->generate(t, &script);
			script.count++;
		}
		play(player, state, &script, &tally, &finding);
		if (finding.found) {
			player->close(state);
			report(t, player, state, &script, &finding, number);
		}
	}
	note(t,
	     "%u sequences of %d calls: %u done, %u refused; %u transfers reached memory, %u were "
	     "blocked",
	     count, length, tally.done, tally.refused, tally.reached, tally.blocked);
	/* A model that says no to everything would agree with a kernel that does so, too. */
	expect(t, tally.done > 0 && tally.refused > 0);
	expect(t, tally.reached > 0 && tally.blocked > 0);
}
