// SPDX-License-Identifier: GPL-2.0-or-later
/* A suite that behaves in every way a suite can, good and bad. It touches no device. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct behaviour {
	const char *name;
	const char *marks;
	const char *params;
	int timeout_ms;
	void (*run)(const char *variant);
};

static void end(const char *line, const char *variant, const char *directive, int code)
{
	printf("%s 1 %s%s\n", line, variant, directive);
	fflush(stdout);
	exit(code);
}

static void passes(const char *variant)
{
	end("ok", variant, "", 0);
}

static void fails(const char *variant)
{
	printf("# fake.c:1: expected: 1 == 2\n# seen: 1\n");
	end("not ok", variant, "", 1);
}

static void skips(const char *variant)
{
	end("ok", variant, " # SKIP no such thing; lift: such a thing", 4);
}

static void aborts(const char *variant)
{
	abort();
}

static void says_nothing(const char *variant)
{
	exit(0);
}

static void contradicts_itself(const char *variant)
{
	end("ok", variant, "", 1);
}

static void names_another(const char *variant)
{
	end("ok", "another", "", 0);
}

static void hangs(const char *variant)
{
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

static void floods(const char *variant)
{
	static char line[1024];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 2] = '\n';
	for (int i = 0; i < 8 * 1024; i++)
		fputs(line, stdout);
	end("ok", variant, "", 0);
}

static void prints_escapes(const char *variant)
{
	printf("# \x1b[31mred\xff\xfe\n# seen: \x1b]0;title\x07 here\n");
	end("not ok", variant, "", 1);
}

static void leaves_a_child(const char *variant)
{
	if (fork() == 0) {
		for (;;)
			pause();
	}
	end("ok", variant, "", 0);
}

static void kills_the_agent(const char *variant)
{
	kill(getppid(), SIGKILL);
	for (;;)
		pause();
}

/* Nobody can do this to a machine that is the user's own: the answer must come and say so. */
static void asks_for_a_stimulus(const char *variant)
{
	const char *number = getenv("IOMMUT_CONTROL_FD");
	char answer[256] = "";
	FILE *control = number ? fdopen(atoi(number), "r+") : NULL;

	if (!control || fputs("unplug 0000:00:00.0\n", control) < 0 || fflush(control) != 0 ||
	    !fgets(answer, sizeof(answer), control))
		end("not ok", variant, "", 1);
	printf("# answer: %s", answer);
	end(strncmp(answer, "error ", 6) == 0 ? "ok" : "not ok", variant, "",
	    strncmp(answer, "error ", 6) == 0 ? 0 : 1);
}

/* How many huge pages there are, for who reads what it printed. */
static void counts_hugepages(const char *variant)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r");
	char text[32] = "";

	if (!file || !fgets(text, sizeof(text), file))
		end("not ok", variant, "", 1);
	printf("# hugepages: %s", text);
	end("ok", variant, "", 0);
}

static const char *given_seed;

static void fails_with_seed_7(const char *variant)
{
	if (strtoull(given_seed, NULL, 0) == 7)
		end("not ok", variant, "", 1);
	end("ok", variant, "", 0);
}

/* What is measured is the seed; the rest is no figure. */
static void measures(const char *variant)
{
	printf("# figure: seed %llu us\n# figure: seed 5 us\n# figure: \x1b[31m 1 us\n"
	       "# figure: name nan us\n# figure: name 1 parsecs\n",
	       strtoull(given_seed, NULL, 0));
	end("ok", variant, "", 0);
}

static const struct behaviour behaviours[] = {
	{ "passes", "\"smoke\"",
	  "{\"name\":\"size\",\"values\":[\"1\",\"2\",\"3\"],\"default\":\"1\"}", 5000, passes },
	{ "fails", "", "", 5000, fails },
	{ "skips", "", "", 5000, skips },
	{ "aborts", "", "", 5000, aborts },
	{ "says_nothing", "", "", 5000, says_nothing },
	{ "contradicts_itself", "", "", 5000, contradicts_itself },
	{ "names_another", "", "", 5000, names_another },
	{ "hangs", "", "", 200, hangs },
	{ "floods", "", "", 20000, floods },
	{ "prints_escapes", "", "", 5000, prints_escapes },
	{ "measures", "", "", 5000, measures },
	{ "leaves_a_child", "", "", 5000, leaves_a_child },
	{ "kills_the_agent", "", "", 5000, kills_the_agent },
	{ "asks_for_a_stimulus", "", "", 5000, asks_for_a_stimulus },
	{ "fails_with_seed_7", "", "", 5000, fails_with_seed_7 },
	{ "counts_hugepages", "", "{\"name\":\"turn\",\"values\":[\"1\",\"2\"]}", 5000,
	  counts_hugepages },
	{ "only_when_asked", "\"destructive\"", "", 5000, passes },
};

#define COUNT (sizeof(behaviours) / sizeof(behaviours[0]))

static int list(void)
{
	for (size_t i = 0; i < COUNT; i++)
		printf("{\"suite\":\"fake\",\"case\":\"%s\",\"proves\":\"it is "
		       "%s\",\"rule\":\"none\","
		       "\"marks\":[%s],\"needs\":[],\"devices\":0,\"timeout_ms\":%d,"
		       "\"params\":[%s],\"excludes\":[]}\n",
		       behaviours[i].name, behaviours[i].name, behaviours[i].marks,
		       behaviours[i].timeout_ms, behaviours[i].params);
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *variant;
	size_t length;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc != 5 || strcmp(argv[1], "--run") != 0 || strcmp(argv[3], "--seed") != 0)
		return 2;
	variant = argv[2];
	given_seed = argv[4];
	length = strcspn(variant, "[");
	for (size_t i = 0; i < COUNT; i++) {
		if (strlen(behaviours[i].name) != length ||
		    strncmp(behaviours[i].name, variant, length) != 0)
			continue;
		printf("KTAP version 1\n1..1\n");
		fflush(stdout);
		behaviours[i].run(variant);
	}
	return 2;
}
