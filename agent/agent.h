/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

/*
 * The program on the machine under test. One thread, one poll(2) loop: the stream to the runner, the kernel's log, and the output
 * of the jobs that run. libc and libiommut only.
 */

#include <iommut/kmsg.h>
#include <iommut/pci.h>
#include <limits.h>
#include <poll.h>
#include <sys/types.h>

#include "agent/protocol.h"
#include "agent/viot.h"

#define MAX_JOBS         16
#define MAX_BOUND        64
#define MAX_PREPARED     32
#define TERM_GRACE_MS    2000
#define KILL_GRACE_MS    5000
#define MAX_CONTROL_LINE 512
#define JOB_DESCRIPTORS  2
#define OUTPUT_TICK_MS   20

/**
 * struct function_state - what a case must leave as it found it
 * @name: PCI address; empty marks a free entry
 * @driver: its driver, or empty
 * @group: its IOMMU group, or empty
 * @type: the type of that group, or empty
 */
struct function_state {
	char name[IOMMUT_BDF_SIZE + 4];
	char driver[IOMMUT_DRIVER_SIZE];
	char group[16];
	char type[32];
};

/**
 * struct preparation - something of the machine that was changed for the runner
 * @file: a file that had another content, or empty
 * @before: that content
 * @module: a module that was not loaded, or empty
 */
struct preparation {
	char file[128];
	char before[32];
	char module[64];
};

/**
 * struct job - a case that runs
 * @id: number the runner gave it; 0 marks a free entry
 * @process: process and process group
 * @pidfd: becomes readable when @process ends
 * @output: read ends of its stdout and stderr; -1 once they ended
 * @control: our end of IOMMUT_CONTROL_FD
 * @line: what came in on @control and is not a whole line yet
 * @line_length: bytes of @line
 * @start_us: when it started, CLOCK_MONOTONIC
 * @deadline_ms: when the next step of ending it is due, CLOCK_MONOTONIC
 * @ending: 0 runs, 1 was sent SIGTERM, 2 was sent SIGKILL
 * @timed_out: its deadline passed
 * @taint: the kernel's taint before it
 * @functions: its devices before it
 * @foreign: a program that knows nothing of us
 */
struct job {
	uint32_t id;
	pid_t process;
	int pidfd;
	int output[2];
	int control;
	char line[MAX_CONTROL_LINE];
	size_t line_length;
	int64_t start_us;
	int64_t deadline_ms;
	int ending;
	bool timed_out;
	uint64_t taint;
	struct function_state functions[2];
	bool foreign;
};

/**
 * struct agent - everything; in memory that keeper.c shares
 * @stream: from the runner
 * @stream_out: to the runner; often the same
 * @sequence: number of the next frame sent
 * @frames: what is to be sent with the next flush_frames()
 * @waiting: bytes of @frames
 * @broken: the stream took no more: end
 * @init: we are process 1
 * @suites: folder of the suites
 * @kmsg: reader of the kernel's log, or NULL
 * @faults: puts lines of @kmsg together to faults
 * @viot: ACPI's table of what is behind a virtio-iommu
 * @viot_length: its bytes; 0 if there is none, or it is too long
 * @jobs: what runs
 * @bound: functions that were bound, in that order
 * @bound_count: how many
 * @prepared: what else was changed, in that order
 * @prepared_count: how many
 * @pinned: pages that were pinned when nothing ran; -1 if unknown
 * @company: since then several cases ran at once
 */
struct agent {
	int stream;
	int stream_out;
	uint32_t sequence;
	uint8_t frames[16 * 1024];
	size_t waiting;
	bool broken;
	bool init;
	char suites[PATH_MAX];
	struct iommut_kmsg *kmsg;
	struct iommut_fault_parser faults;
	uint8_t viot[VIOT_MAX];
	size_t viot_length;
	struct job jobs[MAX_JOBS];
	struct iommut_pci_binding bound[MAX_BOUND];
	size_t bound_count;
	struct preparation prepared[MAX_PREPARED];
	size_t prepared_count;
	int64_t pinned;
	bool company;
};

/* link.c */

int64_t monotonic_us(void);
void send_frame(struct agent *agent, enum frame_type type, struct message *message);

/**
 * have_port() - make sure that frames can be written: in a guest that has slept the port has to be had back first
 * @agent: the agent
 *
 * A port that the other side seems to have closed would keep a writer waiting for ever.
 *
 * Return: false when the other side is gone.
 */
bool have_port(struct agent *agent);

/**
 * flush_frames() - let the runner have what was sent until now
 * @agent: the agent
 *
 * Before anything that waits, and before anything that may be the end of this machine.
 */
void flush_frames(struct agent *agent);
void send_done(struct agent *agent);
void send_error(struct agent *agent, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * read_text() - the start of a small file, as of sysfs, without the newline at its end
 * @path: the file
 * @text: where it is stored, always terminated
 * @size: of @text
 *
 * Return: whether it could be read.
 */
bool read_text(const char *path, char *text, size_t size);
bool write_text(const char *path, const char *text);

/**
 * read_again() - the same from a file that is asked for before and after each case, and stays open: opening one takes longer
 * @file: its descriptor; -1 before the first time
 */
bool read_again(int *file, const char *path, char *text, size_t size);

/* facts.c: FRAME_ENVIRONMENT */

void send_environment(struct agent *agent);
uint64_t kernel_taint(void);

/* health.c */

/**
 * note_health() - before a case: how things are
 * @agent: the agent
 * @job: filled
 * @request: which devices the case gets
 */
void note_health(struct agent *agent, struct job *job, const struct frame *request);

/**
 * find_left_behind() - after a case: what is not as it was
 * @agent: the agent
 * @job: the case
 * @processes: it left processes running
 * @text: where that is stored in words; empty if there is nothing
 * @size: of @text
 */
void find_left_behind(struct agent *agent, struct job *job, bool processes, char *text,
		      size_t size);

/* devices.c: FRAME_DEVICES, FRAME_BIND, FRAME_RESTORE */

void send_devices(struct agent *agent);
void bind_device(struct agent *agent, const struct frame *request);

/**
 * restore_devices() - give everything back to its driver, last bound first
 * @agent: the agent
 * @problem: where a sentence about the last thing that could not be restored is stored
 * @size: of @problem
 *
 * Return: whether all went well.
 */
bool restore_devices(struct agent *agent, char *problem, size_t size);

/* prepare.c: FRAME_PREPARE, FRAME_UNDO */

void prepare(struct agent *agent, const struct frame *request);

/**
 * undo_preparations() - make the machine what it was, last change first
 * @agent: the agent
 * @keep: how many of the first changes stay
 * @problem: where a sentence about what could not be undone is stored
 * @size: of @problem
 */
bool undo_preparations(struct agent *agent, size_t keep, char *problem, size_t size);

/**
 * restore_everything() - devices and all other changes
 */
bool restore_everything(struct agent *agent, char *problem, size_t size);

/* keeper.c */

/**
 * agent_new() - an agent in memory that both processes will share
 */
struct agent *agent_new(void);

/**
 * keep_watch() - become two processes
 * @agent: the agent; nothing was changed on the machine yet
 *
 * Return: true in the one that is to work. The other one does not return: it ends as that one does.
 */
bool keep_watch(struct agent *agent);

/* suites.c: FRAME_LIST */

bool find_suites(struct agent *agent, const char *chosen);
void send_list(struct agent *agent, const struct frame *request);

/* foreign.c: programs that are no suites */

/**
 * check_foreign() - is the program of FRAME_RUN there?
 * @agent: the agent
 * @request: a FRAME_RUN with program=
 * @problem: where a sentence about why not is stored
 * @size: of @problem
 */
bool check_foreign(const struct agent *agent, const struct frame *request, char *problem,
		   size_t size);

/**
 * become_foreign() - in the child, between vfork and exec: its descriptors are in their places
 */
void become_foreign(const struct agent *agent, const struct frame *request)
	__attribute__((noreturn));

/**
 * kill_descendants() - end every process that came of a foreign job, whatever group or session it is in
 *
 * Return: whether there was one.
 */
bool kill_descendants(const struct job *job);

/* jobs.c: FRAME_RUN, FRAME_KILL, FRAME_REPLY */

void start_job(struct agent *agent, const struct frame *request);
void kill_job(struct agent *agent, const struct frame *request);
void reply_to_job(struct agent *agent, const struct frame *request);

/**
 * poll_jobs() - what to wait for
 *
 * What jobs print can wait a moment: every wake-up between two lines of a case costs it more than the lines do.
 *
 * @agent: the agent
 * @fds: room for JOB_DESCRIPTORS times MAX_JOBS entries
 * @timeout_ms: lowered to the next deadline of a job
 *
 * Return: how many entries were filled.
 */
size_t poll_jobs(const struct agent *agent, struct pollfd *fds, int *timeout_ms);

/**
 * serve_jobs() - after poll(2): carry output, end what is due, report what ended
 * @agent: the agent
 */
void serve_jobs(struct agent *agent);

/**
 * end_jobs() - nobody listens any more: kill all of them and wait
 * @agent: the agent
 */
void end_jobs(struct agent *agent);
void send_kernel_log(struct agent *agent);

/* init.c: process 1 */

/**
 * init_prepare() - make a root of an empty initramfs a usable system, and find the port to the runner
 *
 * Return: the open port; -1 if it did not appear, after saying so on the console.
 */
int init_prepare(void);

/**
 * init_resume() - after a sleep of the machine, have the port to the runner back
 * @fd: the port, which looks as if the other side had closed it
 *
 * Return: the open port, which may be another descriptor; -1 if the other side really is gone, or nothing helps. @fd is closed then.
 */
int init_resume(int fd);
void init_power_off(void) __attribute__((noreturn));

#endif /* AGENT_AGENT_H */
