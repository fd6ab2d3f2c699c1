// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent is killed at random points while it takes devices, runs a case on one of them and gives them back. It runs as on a
 * machine that is somebody's own, inside a guest, whose init it is as well: tests/agent/run.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <iommut/pci.h>

#include "agent/protocol.h"
#include "engines/engine.h"
#include "harness/dma.h"

SUITE("agent_kills", "the agent gives everything back, whatever kills it");

#define MAX_DEVICES   8
#define GONE_MS       120000
#define WHOLE_MS      120000
#define HUGEPAGES     "4"
#define HUGEPAGE_FILE "/proc/sys/vm/nr_hugepages"

/* What ends an agent. */
enum end { KILL_WORKER, KILL_KEEPER, TERM_KEEPER, CLOSE_STREAM, ENDS };

static const char *const end_names[ENDS] = { "worker killed", "keeper killed",
					     "keeper asked to end", "stream closed" };

struct world {
	struct test *t;
	struct iommut_pci_device before[MAX_DEVICES];
	size_t count;
	char hugepages[32];
	int64_t whole_ms; /* from the start until the case holds its device */
};

struct agent_process {
	pid_t keeper;
	int stream;
	uint32_t sequence;
	struct decoder decoder;
	bool holds; /* the case has said so */
};

static void read_line(struct test *t, const char *path, char *text, int size)
{
	FILE *file = fopen(path, "re");

	expect_that(t, file && fgets(text, size, file), "%s cannot be read", path);
	fclose(file);
}

static const struct engine_driver *engine_of(const struct iommut_pci_device *device)
{
	return engine_find(device->vendor, device->device, device->class_code);
}

/* Functions behind an IOMMU that the agent which runs us has left alone. */
static void find_devices(struct world *world)
{
	struct iommut_pci_device *all;
	size_t count;

	expect_zero(world->t, iommut_pci_list(&all, &count));
	for (size_t i = 0; i < count && world->count < MAX_DEVICES; i++)
		if (all[i].iommu_group >= 0 && !all[i].is_bridge && engine_of(&all[i]) &&
		    strcmp(all[i].driver, "vfio-pci") != 0)
			world->before[world->count++] = all[i];
	free(all);
	if (!world->count)
		skip(world->t, "no PCI function behind an IOMMU is free",
		     "a guest with more devices than the case's: --profile engines -e "
		     "pcie-ats-testdev");
}

/* --- speaking with it --- */

static void send_frame(struct agent_process *agent, enum frame_type type, struct message *message)
{
	uint8_t header[PROTOCOL_HEADER];

	frame_header(header, type, agent->sequence++, message->data, message->length);
	/* An agent that is gone already takes nothing. */
	if (send(agent->stream, header, sizeof(header), MSG_NOSIGNAL) == (ssize_t)sizeof(header) &&
	    message->length)
		(void)!send(agent->stream, message->data, message->length, MSG_NOSIGNAL);
	message_clear(message);
}

static void start(struct world *world, struct agent_process *agent)
{
	int ends[2];
	char number[16];

	expect_zero(world->t, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	fflush(stdout);
	agent->keeper = fork();
	expect(world->t, agent->keeper >= 0);
	if (!agent->keeper) {
		int inherited = dup(ends[1]);

		snprintf(number, sizeof(number), "%d", inherited);
		execl("/proc/1/exe", "iommut-agent", "--fd", number, "--suites", "/suites", NULL);
		_exit(127);
	}
	close(ends[1]);
	agent->stream = ends[0];
}

/* All requests at once: the agent works them off in their order. */
static void send_requests(struct world *world, struct agent_process *agent, uint64_t seed)
{
	const char *holder = world->before[0].name;
	struct message message = { 0 };

	message_add(&message, "version", PROTOCOL_VERSION);
	send_frame(agent, FRAME_HELLO, &message);
	message_add(&message, "what", "hugepages");
	message_add(&message, "value", HUGEPAGES);
	send_frame(agent, FRAME_PREPARE, &message);
	for (size_t i = 0; i < world->count; i++) {
		message_add(&message, "device", world->before[i].name);
		message_add(&message, "force", "0");
		send_frame(agent, FRAME_BIND, &message);
	}
	message_add(&message, "job", "1");
	message_add(&message, "suite", "agent_kills");
	message_add(&message, "variant", "holds");
	message_add(&message, "engine", engine_of(&world->before[0])->name);
	message_add(&message, "device", holder);
	message_addf(&message, "seed", "%llu", (unsigned long long)seed);
	message_addf(&message, "timeout_ms", "%d", WHOLE_MS);
	send_frame(agent, FRAME_RUN, &message);
}

/* Takes what it says until then, or until the case holds its device if @until_holds. */
static void listen_until(struct world *world, struct agent_process *agent, int64_t deadline,
			 bool until_holds)
{
	while (now_ms() < deadline && !(until_holds && agent->holds)) {
		struct pollfd ready = { .fd = agent->stream, .events = POLLIN };
		uint8_t bytes[4096];
		struct frame frame;
		ssize_t length;

		if (poll(&ready, 1, (int)(deadline - now_ms() > 0 ? deadline - now_ms() : 0)) <= 0)
			continue;
		length = read(agent->stream, bytes, sizeof(bytes));
		if (length <= 0)
			return;
		expect_zero(world->t, decoder_feed(&agent->decoder, bytes, (size_t)length));
		while (decoder_next(&agent->decoder, &frame) > 0) {
			if (frame.type == FRAME_ERROR)
				fail(world->t, "the agent: %s", frame_get(&frame, "text"));
			if (frame.type == FRAME_EXIT && !agent->holds)
				fail(world->t,
				     "the case ended before it held its device: status %s %s",
				     frame_get(&frame, "status"), frame_get(&frame, "refused"));
			agent->holds = agent->holds ||
				       (frame.type == FRAME_OUTPUT &&
					memmem(frame.payload, frame.length, "holds it", 8));
		}
	}
}

/* --- ending it --- */

/* Whose parent a process is; 0 if none is left. */
static pid_t child_of(pid_t parent)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (processes && !found && (entry = readdir(processes))) {
		char path[300], text[400];
		const char *end;
		FILE *file;
		int number;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = strspn(entry->d_name, "0123456789") ? fopen(path, "re") : NULL;
		if (file && fgets(text, sizeof(text), file) && (end = strrchr(text, ')')) &&
		    sscanf(end + 1, " %*c %d", &number) == 1 && number == parent)
			found = atoi(entry->d_name);
		if (file)
			fclose(file);
	}
	if (processes)
		closedir(processes);
	return found;
}

static void end_agent(struct agent_process *agent, enum end end)
{
	pid_t worker = end == KILL_WORKER ? child_of(agent->keeper) : 0;

	if (end == KILL_WORKER && worker)
		kill(worker, SIGKILL);
	else if (end == KILL_KEEPER)
		kill(agent->keeper, SIGKILL);
	else if (end == TERM_KEEPER)
		kill(agent->keeper, SIGTERM);
	close(agent->stream);
	decoder_clear(&agent->decoder);
}

/* All its processes end by themselves: what loses its parent becomes our child. */
static void expect_all_gone(struct test *t)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int64_t deadline = now_ms() + GONE_MS;

	while (waitpid(-1, NULL, WNOHANG) >= 0) {
		expect_that(t, now_ms() < deadline, "a process of the agent is still there");
		nanosleep(&pause, NULL);
	}
	expect_that(t, errno == ECHILD, "waiting: %s", strerror(errno));
}

static void expect_given_back(struct world *world)
{
	char text[64];

	for (size_t i = 0; i < world->count; i++) {
		const struct iommut_pci_device *before = &world->before[i];
		struct iommut_pci_device now;
		char path[100];

		expect_zero(world->t, iommut_pci_get(before->name, &now));
		expect_that(world->t, strcmp(now.driver, before->driver) == 0,
			    "%s has driver '%s' and had '%s'", before->name, now.driver,
			    before->driver);
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
			 before->name);
		read_line(world->t, path, text, sizeof(text));
		expect_that(world->t, strcmp(text, "(null)\n") == 0 || strcmp(text, "\n") == 0,
			    "%s is still meant for %s", before->name, text);
	}
	read_line(world->t, HUGEPAGE_FILE, text, sizeof(text));
	expect_that(world->t, strcmp(text, world->hugepages) == 0, "huge pages: %s, there were %s",
		    text, world->hugepages);
}

static size_t bound_now(const struct world *world)
{
	size_t bound = 0;

	for (size_t i = 0; i < world->count; i++) {
		struct iommut_pci_device now;

		bound += iommut_pci_get(world->before[i].name, &now) == 0 &&
			 strcmp(now.driver, "vfio-pci") == 0;
	}
	return bound;
}

/* Nobody kills this one: it takes all devices, and gives them back when the stream ends. */
static void measure(struct world *world)
{
	struct agent_process agent = { 0 };
	int64_t begin = now_ms();

	start(world, &agent);
	send_requests(world, &agent, 1);
	listen_until(world, &agent, begin + WHOLE_MS, true);
	world->whole_ms = now_ms() - begin;
	expect_that(world->t, agent.holds, "the case did not come to hold its device");
	expect_equal(world->t, bound_now(world), world->count);
	end_agent(&agent, CLOSE_STREAM);
	expect_all_gone(world->t);
	expect_given_back(world);
}

CASE(agent,
     .proves = "an agent that is killed at any point gives devices and huge pages back and leaves "
	       "no process",
     .rule = "docs/protocol.md: two processes, which share what is to be given back",
     .devices = NO_DEVICE, .timeout_ms = 120000, .parameters = { PARAMETER("times", "20", "200") })
{
	struct world world = { .t = t };
	size_t half_way = 0, all_bound = 0, counts[ENDS] = { 0 };

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	find_devices(&world);
	read_line(t, HUGEPAGE_FILE, world.hugepages, sizeof(world.hugepages));
	measure(&world);
	for (long i = 0; i < atol(param(t, "times")); i++) {
		enum end end = (enum end)random_below(t, ENDS);
		struct agent_process agent = { 0 };
		int64_t begin = now_ms();
		size_t bound;

		start(&world, &agent);
		send_requests(&world, &agent, 1);
		listen_until(&world, &agent,
			     begin + (int64_t)random_below(t, (uint64_t)world.whole_ms * 5 / 4),
			     false);
		bound = bound_now(&world);
		end_agent(&agent, end);
		expect_all_gone(t);
		expect_given_back(&world);
		half_way += bound > 0 && bound < world.count;
		all_bound += bound == world.count;
		counts[end]++;
	}
	for (int end = 0; end < ENDS; end++)
		note(t, "%s: %zu times", end_names[end], counts[end]);
	note(t, "%zu devices; %zu times some of them were bound, %zu times all", world.count,
	     half_way, all_bound);
}

CASE(holds, .proves = "nothing: it holds its device until somebody ends it",
     .rule = "tests/agent/agent_kills.c", .marks = LIST("demo"))
{
	rig_open(t);
	note(t, "holds it");
	fflush(stdout);
	for (;;)
		pause();
}
