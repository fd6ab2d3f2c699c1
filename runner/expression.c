// SPDX-License-Identifier: GPL-2.0-or-later
/* Expressions of -k and -m: "word and not (other or third)". */
#include "runner/expression.h"

#include <string.h>

#include "runner/verdict.h"

#define MAX_DEPTH 64

struct parser {
	const char *text;
	const char *at;
	char word[128];
	const char *word_start;
	gboolean (*holds)(const char *word, gpointer data);
	gpointer data;
	const char *problem;
	int depth;
};

/* The next word or parenthesis, lower case; empty at the end. */
static void next(struct parser *parser)
{
	size_t length = 0;

	parser->at += strspn(parser->at, " \t\n");
	parser->word_start = parser->at;
	if (*parser->at == '(' || *parser->at == ')') {
		parser->word[length++] = *parser->at++;
	} else {
		while (*parser->at && !strchr(" \t\n()", *parser->at)) {
			if (length + 1 == sizeof(parser->word)) {
				parser->problem = "a word is too long";
				break;
			}
			parser->word[length++] = g_ascii_tolower(*parser->at++);
		}
	}
	parser->word[length] = '\0';
}

static gboolean word_is(const struct parser *parser, const char *word)
{
	return strcmp(parser->word, word) == 0;
}

static gboolean parse_or(struct parser *parser);

static gboolean parse_not(struct parser *parser)
{
	gboolean value;

	if (++parser->depth > MAX_DEPTH && !parser->problem)
		parser->problem = "too deeply nested";
	if (parser->problem)
		return FALSE;
	if (word_is(parser, "not")) {
		next(parser);
		value = !parse_not(parser);
	} else if (word_is(parser, "(")) {
		next(parser);
		value = parse_or(parser);
		if (!word_is(parser, ")") && !parser->problem)
			parser->problem = "a ')' is missing";
		next(parser);
	} else {
		if (!*parser->word || word_is(parser, ")") || word_is(parser, "and") ||
		    word_is(parser, "or")) {
			if (!parser->problem)
				parser->problem = "a word is missing";
			return FALSE;
		}
		value = parser->holds(parser->word, parser->data);
		next(parser);
	}
	parser->depth--;
	return value;
}

static gboolean parse_and(struct parser *parser)
{
	gboolean value = parse_not(parser);

	while (!parser->problem && word_is(parser, "and")) {
		next(parser);
		value = parse_not(parser) && value;
	}
	return value;
}

static gboolean parse_or(struct parser *parser)
{
	gboolean value = parse_and(parser);

	while (!parser->problem && word_is(parser, "or")) {
		next(parser);
		value = parse_and(parser) || value;
	}
	return value;
}

static gboolean evaluate(struct parser *parser)
{
	gboolean value;

	next(parser);
	value = parse_or(parser);
	if (*parser->word && !parser->problem)
		parser->problem = "'and' or 'or' is missing";
	return value;
}

static gboolean holds_never(const char *word, gpointer data)
{
	return FALSE;
}

gboolean expression_check(const char *text, GError **error)
{
	struct parser parser = { .text = text, .at = text, .holds = holds_never };

	evaluate(&parser);
	if (!parser.problem)
		return TRUE;
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "expression '%s', at character %d: %s",
		    text, (int)(parser.word_start - text) + 1, parser.problem);
	return FALSE;
}

gboolean expression_matches(const char *text, gboolean (*holds)(const char *word, gpointer data),
			    gpointer data)
{
	struct parser parser = { .text = text, .at = text, .holds = holds, .data = data };

	return !text || evaluate(&parser);
}
