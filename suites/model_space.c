// SPDX-License-Identifier: GPL-2.0-or-later
/* Address spaces as they should be. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites/model_space.h"

/* A model that is full says nothing any more. */
static void __attribute__((noreturn)) overflow(const char *what)
{
	fprintf(stderr, "mistake in the suite: too many %s in the model\n", what);
	abort();
}

void blame(struct errnos *errnos, int number)
{
	errnos->or_success = false;
	for (int i = 0; i < errnos->count; i++)
		if (errnos->number[i] == number)
			return;
	if (errnos->count == sizeof(errnos->number) / sizeof(errnos->number[0]))
		overflow("errors");
	errnos->number[errnos->count++] = number;
}

bool answers(const struct errnos *errnos, int result)
{
	if (result >= 0)
		return !errnos->count || errnos->or_success;
	for (int i = 0; i < errnos->count; i++)
		if (result == -errnos->number[i])
			return true;
	return false;
}

void describe_answer(int result, char *text, size_t size)
{
	const char *name = result < 0 ? strerrorname_np(-result) : NULL;

	if (result < 0)
		snprintf(text, size, "-%s", name ? name : "?");
	else
		snprintf(text, size, "%d", result);
}

void describe_errnos(const struct errnos *errnos, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "0");
	if (errnos->count && errnos->or_success)
		used = 1;
	for (int i = 0; i < errnos->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s-%s", used ? " or " : "",
					 strerrorname_np(errnos->number[i]) ?: "?");
}

void ranges_remove(struct ranges *ranges, uint64_t start, uint64_t last)
{
	struct ranges kept = { .count = 0 };

	for (int i = 0; i < ranges->count; i++) {
		uint64_t first = ranges->range[i].start, end = ranges->range[i].last;

		if (kept.count + 2 > MAX_RANGES)
			overflow("ranges");
		if (end < start || first > last) {
			kept.range[kept.count++] = ranges->range[i];
			continue;
		}
		if (first < start) {
			kept.range[kept.count].start = first;
			kept.range[kept.count++].last = start - 1;
		}
		if (end > last) {
			kept.range[kept.count].start = last + 1;
			kept.range[kept.count++].last = end;
		}
	}
	*ranges = kept;
}

static int compare_ranges(const void *one, const void *other)
{
	const uint64_t *a = one, *b = other;

	return a[0] < b[0] ? -1 : a[0] > b[0];
}

void ranges_add(struct ranges *ranges, uint64_t start, uint64_t last)
{
	/* What overlaps or touches becomes a part of the new range. */
	for (int i = 0; i < ranges->count;) {
		uint64_t first = ranges->range[i].start, end = ranges->range[i].last;
		bool below = end < start && end + 1 != start;
		bool above = first > last && last + 1 != first;

		if (below || above) {
			i++;
			continue;
		}
		if (first < start)
			start = first;
		if (end > last)
			last = end;
		ranges->range[i] = ranges->range[--ranges->count];
	}
	if (ranges->count == MAX_RANGES)
		overflow("ranges");
	ranges->range[ranges->count].start = start;
	ranges->range[ranges->count++].last = last;
	qsort(ranges->range, (size_t)ranges->count, sizeof(ranges->range[0]), compare_ranges);
}

void ranges_add_all(struct ranges *ranges, const struct ranges *others)
{
	for (int i = 0; i < others->count; i++)
		ranges_add(ranges, others->range[i].start, others->range[i].last);
}

bool ranges_meet(const struct ranges *ranges, uint64_t start, uint64_t last)
{
	for (int i = 0; i < ranges->count; i++)
		if (ranges->range[i].start <= last && ranges->range[i].last >= start)
			return true;
	return false;
}

bool ranges_same(const struct ranges *one, const struct ranges *other)
{
	return one->count == other->count &&
	       memcmp(one->range, other->range, (size_t)one->count * sizeof(one->range[0])) == 0;
}

struct ranges ranges_complement(const struct ranges *ranges)
{
	struct ranges all = { .range = { { 0, UINT64_MAX } }, .count = 1 };

	for (int i = 0; i < ranges->count; i++)
		ranges_remove(&all, ranges->range[i].start, ranges->range[i].last);
	return all;
}

const struct mapping *space_at(const struct space *space, uint64_t iova)
{
	for (int i = 0; i < space->count; i++)
		if (space->mapping[i].start <= iova && iova <= space->mapping[i].last)
			return &space->mapping[i];
	return NULL;
}

bool space_meets(const struct space *space, uint64_t start, uint64_t last)
{
	for (int i = 0; i < space->count; i++)
		if (space->mapping[i].start <= last && space->mapping[i].last >= start)
			return true;
	return false;
}

void space_add(struct space *space, const struct mapping *mapping)
{
	if (space->count == MAX_MAPPINGS)
		overflow("mappings");
	space->mapping[space->count++] = *mapping;
}

bool space_would_cut(const struct space *space, uint64_t start, uint64_t last)
{
	for (int i = 0; i < space->count; i++) {
		const struct mapping *mapping = &space->mapping[i];

		if (mapping->start <= last && mapping->last >= start &&
		    (mapping->start < start || mapping->last > last))
			return true;
	}
	return false;
}

uint64_t space_remove(struct space *space, uint64_t start, uint64_t last)
{
	uint64_t removed = 0;

	for (int i = 0; i < space->count;) {
		struct mapping *mapping = &space->mapping[i];

		if (mapping->start < start || mapping->last > last) {
			i++;
			continue;
		}
		removed += mapping->last - mapping->start + 1;
		*mapping = space->mapping[--space->count];
	}
	return removed;
}

int space_pieces(const struct space *space, uint64_t start, uint64_t last, struct mapping *pieces)
{
	int count = 0;

	for (uint64_t at = start;;) {
		const struct mapping *mapping = space_at(space, at);

		if (!mapping)
			return 0;
		pieces[count] = *mapping;
		pieces[count].memory += at - mapping->start;
		pieces[count].start = at;
		if (mapping->last >= last) {
			pieces[count].last = last;
			return count + 1;
		}
		at = mapping->last + 1;
		count++;
	}
}

bool space_has_room(const struct space *space, const struct ranges *reserved, uint64_t length,
		    uint64_t alignment, bool ends)
{
	struct ranges taken = *reserved, holes;

	for (int i = 0; i < space->count; i++)
		ranges_add(&taken, space->mapping[i].start, space->mapping[i].last);
	if (!ends) {
		ranges_add(&taken, 0, PAGE - 1);
		ranges_add(&taken, UINT64_MAX - 2 * PAGE + 1, UINT64_MAX);
	}
	holes = ranges_complement(&taken);
	for (int i = 0; i < holes.count; i++) {
		uint64_t start = (holes.range[i].start + alignment - 1) & ~(alignment - 1);

		if (start >= holes.range[i].start && start <= holes.range[i].last &&
		    holes.range[i].last - start >= length - 1)
			return true;
	}
	return false;
}
