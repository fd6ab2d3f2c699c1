// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel-doc OUTPUT-FOLDER HEADER...: manual pages of section 3 from the comments in headers, one
 * for each function, structure and enumeration. Fails if a declared function has no comment, or a
 * comment and its declaration name different arguments: so the documentation stays complete. Raw
 * calls (..._raw) share one comment in their header and get no page of their own.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE  512
#define ITEMS 64
#define TEXT  8192

struct item {
	char name[64];
	char text[TEXT];
};

struct doc {
	const char *file;
	unsigned int line;
	char kind[16]; /* "function", "struct" or "enum" */
	char name[96];
	char summary[LINE];
	struct item items[ITEMS];
	unsigned int item_count;
	char description[TEXT];
	char returns[TEXT];
	char declaration[TEXT];
};

static unsigned int complaints;

__attribute__((format(printf, 3, 4))) static void complain(const char *file, unsigned int line,
							   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s:%u: ", file, line);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	complaints++;
}

static void append(char *text, const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, TEXT - length, "%s", more);
}

/* What is behind " * " in a line of a comment. */
static char *content(char *line)
{
	while (isspace((unsigned char)*line))
		line++;
	if (*line == '*')
		line++;
	if (*line == ' ')
		line++;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* "name() - summary" or "struct name - summary". */
static void parse_title(struct doc *doc, const char *text)
{
	const char *dash = strstr(text, " - ");
	size_t length;

	strcpy(doc->kind, "function");
	if (!strncmp(text, "struct ", 7) || !strncmp(text, "enum ", 5)) {
		length = strcspn(text, " ");
		snprintf(doc->kind, sizeof(doc->kind), "%.*s", (int)length, text);
		text += length + 1;
	}
	snprintf(doc->name, sizeof(doc->name), "%.*s", (int)strcspn(text, " ("), text);
	if (!dash)
		complain(doc->file, doc->line, "%s has no summary", doc->name);
	else
		snprintf(doc->summary, sizeof(doc->summary), "%s", dash + 3);
}

static void parse_line(struct doc *doc, char *text, char **current)
{
	if (!*doc->name) {
		parse_title(doc, text);
	} else if (*text == '@' && strchr(text, ':')) {
		struct item *item = &doc->items[doc->item_count];

		if (doc->item_count == ITEMS) {
			complain(doc->file, doc->line, "%s has too many arguments", doc->name);
			return;
		}
		doc->item_count++;
		snprintf(item->name, sizeof(item->name), "%.*s", (int)strcspn(text + 1, ":"),
			 text + 1);
		*current = item->text;
		append(*current, text + strcspn(text, ":") + 1 + (strchr(text, ':')[1] == ' '));
	} else if (!strncmp(text, "Return: ", 8)) {
		*current = doc->returns;
		append(*current, text + 8);
	} else if (!*text) {
		/* A paragraph ends; what comes next without a sign of its own is description. */
		if (*current == doc->description && *doc->description)
			append(doc->description, "\n\n");
		*current = doc->description;
	} else {
		if (!*current)
			*current = doc->description;
		if (**current && (*current)[strlen(*current) - 1] != '\n')
			append(*current, " ");
		append(*current, text + strspn(text, " "));
	}
}

/* The text of a declaration up to its end, whitespace as it is. */
static void read_declaration(FILE *file, unsigned int *number, struct doc *doc)
{
	char line[LINE];
	int depth = 0;

	while (fgets(line, sizeof(line), file)) {
		++*number;
		append(doc->declaration, line);
		for (const char *at = line; *at; at++) {
			depth += *at == '{';
			depth -= *at == '}';
		}
		/* The body of a function is nobody's business. */
		if (!strcmp(doc->kind, "function") && depth) {
			*strchr(doc->declaration, '{') = '\0';
			append(doc->declaration, ";");
			while (depth && fgets(line, sizeof(line), file)) {
				++*number;
				for (const char *at = line; *at; at++) {
					depth += *at == '{';
					depth -= *at == '}';
				}
			}
			return;
		}
		if (!depth && strchr(line, ';'))
			return;
		/*
		 * "struct name;" and the like have no depth; an initial line without either goes
		 * on.
		 */
	}
}

/* The name of the parameter that ends at @end: its last word. */
static void last_word(const char *start, const char *end, char *word, size_t size)
{
	while (end > start && !isalnum((unsigned char)end[-1]) && end[-1] != '_')
		end--;
	const char *from = end;

	while (from > start && (isalnum((unsigned char)from[-1]) || from[-1] == '_'))
		from--;
	snprintf(word, size, "%.*s", (int)(end - from), from);
}

static void check_item(const struct doc *doc, unsigned int *index, const char *word)
{
	if (!strcmp(word, "void") || !*word)
		return;
	if (*index >= doc->item_count || strcmp(doc->items[*index].name, word))
		complain(doc->file, doc->line,
			 "%s: argument %s is not described, or not in its place", doc->name, word);
	++*index;
}

static void check_function(const struct doc *doc)
{
	const char *open = strchr(doc->declaration, '('), *start, *at;
	unsigned int index = 0;
	char word[64];

	if (!open || !strstr(doc->declaration, doc->name)) {
		complain(doc->file, doc->line, "the comment of %s stands before something else",
			 doc->name);
		return;
	}
	for (start = at = open + 1; *at && *at != ')'; at++) {
		if (*at != ',')
			continue;
		last_word(start, at, word, sizeof(word));
		check_item(doc, &index, word);
		start = at + 1;
	}
	last_word(start, at, word, sizeof(word));
	check_item(doc, &index, word);
	if (index < doc->item_count)
		complain(doc->file, doc->line, "%s has no argument %s", doc->name,
			 doc->items[index].name);
	if (strncmp(doc->declaration, "void ", 5) && !*doc->returns)
		complain(doc->file, doc->line, "%s: what it returns is not described", doc->name);
}

/* Text for man(7): no line begins with a control character, nothing is an escape. */
static void put(FILE *out, const char *text)
{
	bool at_start = true;

	for (; *text; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		at_start = *text == '\n';
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\n' && text[1] == '\n')
			fputs("\n.PP", out);
		else
			fputc(*text, out);
	}
	fputc('\n', out);
}

static void write_page(const char *folder, const struct doc *doc)
{
	const char *header = strstr(doc->file, "include/");
	bool is_function = !strcmp(doc->kind, "function");
	char path[LINE];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s.3", folder, doc->name);
	out = fopen(path, "we");
	if (!out) {
		complain(path, 0, "%s", strerror(errno));
		return;
	}
	header = header ? header + strlen("include/") : doc->file;
	fprintf(out, ".\\\" Made from %s\n.TH %s 3 \"\" iommutests libiommut\n.SH NAME\n", header,
		doc->name);
	fprintf(out, "%s \\- ", doc->name);
	put(out, doc->summary);
	fprintf(out, ".SH SYNOPSIS\n.nf\n#include <%s>\n.PP\n", header);
	put(out, doc->declaration);
	fprintf(out, ".fi\n");
	if (doc->item_count)
		fprintf(out, ".SH %s\n", is_function ? "ARGUMENTS" : "MEMBERS");
	for (unsigned int i = 0; i < doc->item_count; i++) {
		fprintf(out, ".TP\n.I %s\n", doc->items[i].name);
		put(out, doc->items[i].text);
	}
	if (*doc->description) {
		fprintf(out, ".SH DESCRIPTION\n");
		put(out, doc->description);
	}
	if (*doc->returns) {
		fprintf(out, ".SH RETURN VALUE\n");
		put(out, doc->returns);
	}
	if (fclose(out))
		complain(path, 0, "%s", strerror(errno));
}

/* A declaration at the start of a line that no comment came before. */
static void check_undocumented(const char *file, unsigned int number, const char *line)
{
	const char *open = strchr(line, '(');
	char word[64];

	if (!open || !isalpha((unsigned char)*line) || !strncmp(line, "static", 6) ||
	    !strncmp(line, "typedef", 7))
		return;
	last_word(line, open, word, sizeof(word));
	if (strncmp(word, "iommut_", 7) || strlen(word) < 4 ||
	    !strcmp(word + strlen(word) - 4, "_raw"))
		return;
	complain(file, number, "%s has no comment", word);
}

static void read_header(const char *folder, const char *name)
{
	static struct doc doc;
	FILE *file = fopen(name, "re");
	unsigned int number = 0;
	bool inside = false;
	char line[LINE], *current = NULL;

	if (!file) {
		complain(name, 0, "%s", strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		number++;
		if (!strcmp(line, "/**\n")) {
			memset(&doc, 0, sizeof(doc));
			doc.file = name;
			doc.line = number;
			current = NULL;
			inside = true;
		} else if (inside && strstr(line, "*/")) {
			inside = false;
			read_declaration(file, &number, &doc);
			if (!strcmp(doc.kind, "function"))
				check_function(&doc);
			write_page(folder, &doc);
		} else if (inside) {
			parse_line(&doc, content(line), &current);
		} else {
			check_undocumented(name, number, line);
		}
	}
	fclose(file);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: kernel-doc OUTPUT-FOLDER HEADER...\n");
		return 2;
	}
	if (mkdir(argv[1], 0755) && errno != EEXIST) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (int i = 2; i < argc; i++)
		read_header(argv[1], argv[i]);
	return complaints ? 1 : 0;
}
