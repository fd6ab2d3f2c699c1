// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/provoked.h"

#define BEGINNING  "# this case provokes faults: "
#define PAGE       G_GUINT64_CONSTANT(4096)
#define MAX_DEVICE 16

struct announcement {
	char device[MAX_DEVICE];
	gboolean interrupt;
	gboolean page_request;
	gboolean reads;
	gboolean writes;
	guint64 first;
	guint64 last;
	gint64 pasid;
	guint64 after; /* number of the last line of the log that was there before, if @has_after */
	gboolean has_after;
};

struct provoked {
	GArray *list; /* of struct announcement */
	gsize done;   /* bytes of the output that were read */
};

struct provoked *provoked_new(void)
{
	struct provoked *provoked = g_new0(struct provoked, 1);

	provoked->list = g_array_new(FALSE, TRUE, sizeof(struct announcement));
	return provoked;
}

void provoked_free(struct provoked *provoked)
{
	if (!provoked)
		return;
	g_array_unref(provoked->list);
	g_free(provoked);
}

static gboolean read_access(struct announcement *said, const char *word)
{
	said->reads = g_str_equal(word, "read") || g_str_equal(word, "read+write");
	said->writes = g_str_equal(word, "write") || g_str_equal(word, "read+write");
	said->interrupt = g_str_equal(word, "interrupt");
	said->page_request = g_str_equal(word, "page-request");
	return said->reads || said->writes || said->interrupt || said->page_request;
}

static gboolean read_address(const char *text, const char *after, guint64 *address)
{
	char *end;

	if (!g_str_has_prefix(text, "0x"))
		return FALSE;
	*address = g_ascii_strtoull(text, &end, 16);
	return end == after && end > text + 2;
}

/* "0x1000-0x1fff" */
static gboolean read_range(struct announcement *said, const char *word)
{
	const char *dash = strchr(word, '-');

	return dash && read_address(word, dash, &said->first) &&
	       read_address(dash + 1, word + strlen(word), &said->last) &&
	       said->first <= said->last;
}

/* "pasid=7", "pasid=none", "pasid=any" */
static gboolean read_pasid(struct announcement *said, const char *word)
{
	static const char key[] = "pasid=";
	guint64 number;

	if (!g_str_has_prefix(word, key))
		return FALSE;
	word += strlen(key);
	if (g_str_equal(word, "none"))
		said->pasid = PASID_NONE;
	else if (g_str_equal(word, "any"))
		said->pasid = PASID_ANY;
	else if (g_ascii_string_to_unsigned(word, 10, 0, 0xfffff, &number, NULL))
		said->pasid = (gint64)number;
	else
		return FALSE;
	return TRUE;
}

/* "after=12345" */
static gboolean read_after(struct announcement *said, const char *word)
{
	static const char key[] = "after=";

	said->has_after = TRUE;
	return g_str_has_prefix(word, key) &&
	       g_ascii_string_to_unsigned(word + strlen(key), 10, 0, G_MAXUINT64, &said->after,
					  NULL);
}

/* "DDDD:BB:DD.F ACCESS FIRST-LAST pasid=P", or "DDDD:BB:DD.F interrupt", perhaps with "after=N" */
static gboolean read_announcement(struct announcement *said, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", 6);
	guint count = g_strv_length(words);

	if (count > 2 && g_str_has_prefix(words[count - 1], "after=") &&
	    !read_after(said, words[--count]))
		return FALSE;
	if (count < 2 || !read_access(said, words[1]) ||
	    g_strlcpy(said->device, words[0], MAX_DEVICE) >= MAX_DEVICE)
		return FALSE;
	if (said->interrupt || said->page_request)
		return count == 2;
	return count == 4 && read_range(said, words[2]) && read_pasid(said, words[3]);
}

void provoked_read(struct provoked *provoked, const char *output, gsize length)
{
	while (provoked->done < length) {
		const char *line = output + provoked->done;
		const char *end = memchr(line, '\n', length - provoked->done);
		struct announcement said = { 0 };

		/* The rest of this line has still to come. */
		if (!end)
			return;
		provoked->done += (gsize)(end - line) + 1;
		if ((gsize)(end - line) > strlen(BEGINNING) &&
		    memcmp(line, BEGINNING, strlen(BEGINNING)) == 0) {
			line += strlen(BEGINNING);
			g_autofree char *text = g_strndup(line, (gsize)(end - line));

			if (read_announcement(&said, text))
				g_array_append_val(provoked->list, said);
		}
	}
}

gboolean provoked_requester_is(const char *requester, const char *device)
{
	const char *domain = strchr(requester, ':');
	const char *tail = strchr(device, ':');

	/* One colon: the driver does not tell the domain. */
	if (domain && domain == strrchr(requester, ':') && tail)
		return g_str_equal(tail + 1, requester);
	return g_str_equal(device, requester);
}

/*
 * Linux gives requests without a PASID the number 0 (IOMMU_NO_PASID), which VT-d uses for them in scalable mode (RID_PASID) and may
 * report.
 */
static gboolean same_pasid(gint64 said, gint64 reported)
{
	if (said == PASID_ANY || reported == PASID_UNKNOWN || said == reported)
		return TRUE;
	return (said == PASID_NONE || said == 0) && (reported == PASID_NONE || reported == 0);
}

static gboolean covers(const struct announcement *said, const struct reported_fault *fault)
{
	if (said->has_after && fault->sequence && fault->sequence <= said->after)
		return FALSE;
	if (fault->kind == FAULT_OVERFLOW)
		return TRUE;
	if (!g_str_equal(fault->requester, "unknown") &&
	    !provoked_requester_is(fault->requester, said->device))
		return FALSE;
	if (fault->kind == FAULT_OF_INTERRUPT)
		return said->interrupt;
	if (fault->kind == FAULT_OF_PAGE_REQUEST)
		return said->page_request;
	if (fault->kind != FAULT_OF_DMA || said->interrupt || said->page_request)
		return FALSE;
	if ((fault->writes && !said->writes) || (fault->reads && !said->reads))
		return FALSE;
	if (fault->has_address && (fault->address / PAGE < said->first / PAGE ||
				   fault->address / PAGE > said->last / PAGE))
		return FALSE;
	return same_pasid(said->pasid, fault->pasid);
}

gboolean provoked_covers(const struct provoked *provoked, const struct reported_fault *fault)
{
	for (guint i = 0; i < provoked->list->len; i++)
		if (covers(&g_array_index(provoked->list, struct announcement, i), fault))
			return TRUE;
	return FALSE;
}
