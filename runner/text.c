// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "runner/text.h"

#define ELLIPSIS      "\xe2\x80\xa6"
#define MAX_COMPLAINT 8192

/* Zero-width, embedding, override and isolate marks make text look like what it is not; so do line separators. */
static gboolean is_deceptive(gunichar c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c & 0xfffe) == 0xfffe ||
	       (c >= 0xfdd0 && c <= 0xfdef);
}

static char *clean(const void *bytes, gssize length, gsize limit, gboolean one_line)
{
	const char *at = bytes;
	const char *end = at + (length < 0 ? strlen(at) : (gsize)length);
	GString *text = g_string_sized_new(MIN((gsize)(end - at), limit) + 8);

	while (at < end) {
		gunichar c = g_utf8_get_char_validated(at, end - at);

		/* Room for the longest thing one character can become. */
		if (text->len + 10 > limit) {
			g_string_append(text, ELLIPSIS);
			break;
		}
		if (c == 0 || c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append_unichar(text, 0xfffd);
			at++;
			continue;
		}
		if (c == '\n' || c == '\t')
			g_string_append_c(text, one_line ? ' ' : (char)c);
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			g_string_append_printf(text, "\\x%02x", c);
		else if (is_deceptive(c))
			g_string_append_printf(text, "\\u%04x", c);
		else
			g_string_append_unichar(text, c);
		at = g_utf8_next_char(at);
	}
	return g_string_free(text, FALSE);
}

char *text_clean(const void *bytes, gssize length, gsize limit)
{
	return clean(bytes, length, limit, FALSE);
}

char *text_clean_line(const void *bytes, gssize length, gsize limit)
{
	return clean(bytes, length, limit, TRUE);
}

void text_complain(const GError *error)
{
	g_autofree char *message = text_clean(error->message, -1, MAX_COMPLAINT);

	fprintf(stderr, "iommut: %s\n", message);
}

static gboolean made_of(const char *text, const char *others)
{
	gsize length = strnlen(text, 65);

	if (length == 0 || length > 64)
		return FALSE;
	for (; *text; text++)
		if (!g_ascii_isalnum(*text) && !strchr(others, *text))
			return FALSE;
	return TRUE;
}

gboolean text_is_name(const char *text)
{
	return made_of(text, "_.-") && *text != '.' && *text != '-';
}

gboolean text_is_value(const char *text)
{
	return made_of(text, "_.:+*-");
}

gboolean text_is_bdf(const char *text)
{
	static const char shape[] = "xxxx:xx:xx.o";
	gsize length = strlen(text);

	/* Domains of some host bridges (VMD) have more than four digits. */
	while (length > strlen(shape) && length <= strlen(shape) + 4) {
		if (!g_ascii_isxdigit(*text))
			return FALSE;
		text++;
		length--;
	}
	if (length != strlen(shape))
		return FALSE;
	for (gsize i = 0; i < length; i++) {
		if (shape[i] == 'x'   ? !g_ascii_isxdigit(text[i])
		    : shape[i] == 'o' ? text[i] < '0' || text[i] > '7'
				      : text[i] != shape[i])
			return FALSE;
	}
	return TRUE;
}

char *text_shell_quote(const char *text)
{
	for (const char *at = text; *at; at++)
		if (!g_ascii_isalnum(*at) && !strchr("_./:=,+-@%", *at))
			return g_shell_quote(text);
	return *text ? g_strdup(text) : g_strdup("''");
}

char *text_duration(gint64 us)
{
	gint64 seconds = us / G_USEC_PER_SEC;

	if (us < 1000)
		return g_strdup_printf("%" G_GINT64_FORMAT " us", us);
	if (us < 1000000)
		return g_strdup_printf("%" G_GINT64_FORMAT " ms", us / 1000);
	if (seconds < 60)
		return g_strdup_printf("%" G_GINT64_FORMAT ".%d s", seconds,
				       (int)(us % G_USEC_PER_SEC / 100000));
	return g_strdup_printf("%" G_GINT64_FORMAT " min %02d s", seconds / 60,
			       (int)(seconds % 60));
}
