/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_MODEL_H
#define SUITES_MODEL_H

/*
 * Random sequences of calls against a model. A player knows one kind of calls: it makes them, knows what each must answer, and what the
 * device must find in memory. A sequence is data: any part of one can be played too, so a failing one is made shorter until nothing
 * can be left out, each attempt in a process of its own with everything fresh.
 */

#include <harness/dma.h>

#include "suites/model_space.h"

#define MAX_STEPS 64

/**
 * struct step - one call
 * @call: which, of the player's
 * @object: what it is made on
 * @other: a second object, or a variation
 * @window: region of the IOVA space
 * @page: page in the window
 * @pages: length
 * @memory: first page of the memory
 * @flags: access and the like
 * @odd: 0 most of the time: what is wrong with the arguments
 * @window2: as @window, of a source
 * @page2: as @page, of a source
 *
 * All values mean something in any state: an object that does not exist is a wrong ID, with the error that belongs to it.
 */
struct step {
	uint8_t call;
	uint8_t object;
	uint8_t other;
	uint8_t window;
	uint8_t page;
	uint8_t pages;
	uint8_t memory;
	uint8_t flags;
	uint8_t odd;
	uint8_t window2;
	uint8_t page2;
};

struct script {
	struct step step[MAX_STEPS];
	int count;
};

/**
 * struct tally - what has been played
 * @done: calls that succeeded, as they had to
 * @refused: calls that were refused, as they had to
 * @reached: transfers that reached the memory of the model
 * @blocked: transfers that were blocked
 */
struct tally {
	unsigned int done;
	unsigned int refused;
	unsigned int reached;
	unsigned int blocked;
};

/**
 * struct finding - where model and kernel part
 * @found: they do
 * @step: number of the step; the count of the script if it is about giving all back
 * @text: what was expected and what was seen
 */
struct finding {
	bool found;
	int step;
	char text[1024];
};

/**
 * struct player - one kind of calls
 * @open: opens the device and learns what it needs; skips the case where something is missing
 * @close: gives it back before the case ends
 * @generate: the next step of a script, from random numbers
 * @play: makes the call and compares; fills @finding if something is wrong
 * @finish: gives back what the steps have made, and compares
 * @print: the step as a call
 */
struct player {
	void *(*open)(struct test *t);
	void (*close)(void *state);
	struct step (*generate)(struct test *t, const struct script *script);
	void (*play)(void *state, const struct step *step, struct tally *tally,
		     struct finding *finding);
	void (*finish)(void *state, struct finding *finding);
	void (*print)(void *state, const struct step *step, char *text, size_t size);
};

/* States that model and kernel part, as printf(3); the first one counts. */
void found(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * play_scripts() - play random sequences until the count is reached or one fails
 * @t: the test
 * @player: the kind of calls
 * @count: how many sequences
 * @length: steps of each, up to MAX_STEPS
 *
 * A sequence that fails is made shorter, printed, and fails the case.
 */
void play_scripts(struct test *t, const struct player *player, unsigned int count, int length);

/**
 * play_script() - play one sequence
 * @t: the test
 * @player: the kind of calls
 * @script: the sequence
 * @check: skips where the sequence means nothing, given the player's state; may be NULL
 */
void play_script(struct test *t, const struct player *player, const struct script *script,
		 void (*check)(struct test *t, void *state));

/* The players. */
extern const struct player iommufd_player;
extern const struct player pasid_player;
extern const struct player container_player;

#endif /* SUITES_MODEL_H */
