/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lab: QEMU guests made for testing. A profile says which IOMMU and devices a guest has; a guest is started from it and gives
 * a byte stream to the agent that is its init.
 *
 * What the guest's init finds: itself as /init, the suites in /suites, modules to load in /modules (in the order of their file
 * names; none with the lab's own kernel), and the virtio-serial port named "iommut.agent". ttyS0 is the console, for panics only.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "runner/transport.h"

#define LAB_PORT  "iommut.agent"
#define LAB_ERROR lab_error_quark()
GQuark lab_error_quark(void);

enum lab_error {
	LAB_ERROR_USAGE,       /* what was asked for does not exist or makes no sense */
	LAB_ERROR_UNAVAILABLE, /* this QEMU or kernel cannot be what the profile asks for */
	LAB_ERROR_SYSTEM,      /* the host could not do it */
	LAB_ERROR_GUEST,       /* the guest panicked, hung or died */
};

/* --- profiles (profile.c) --- */

struct lab_profile {
	char *name;
	char *file; /* what it was asked for by: its name, or a path */
	char *description;
	char *machine;         /* -machine */
	char *iommu;           /* -device of the IOMMU; NULL without one */
	GPtrArray *options;    /* of struct lab_option *: options of the IOMMU device */
	char *append;          /* to the kernel's command line */
	char *memory;          /* as QEMU's -m takes it, or NULL */
	GPtrArray *others;     /* of char *: further devices to test with, MODEL[,OPTION..] */
	GPtrArray *extra;      /* of char *: further arguments of QEMU */
	char *testdev_options; /* of each pcie-ats-testdev, or NULL */
	unsigned int testdev;  /* how many pcie-ats-testdev */
	unsigned int edu;      /* how many edu */
	bool by_default;       /* a lab without --profile has it */
	bool sleeps;           /* the guest can go to sleep: see lab_kernel_sleeps() */
};

/* An IOMMU option under the names that QEMU's versions gave it. */
struct lab_option {
	char **names;
	char *value;
};

/**
 * lab_profile_load() - read a profile
 * @name: name of a profile, or path of a key file when it contains a slash
 * @error: LAB_ERROR_USAGE for an unknown profile or a file that is none
 */
struct lab_profile *lab_profile_load(const char *name, GError **error);
void lab_profile_free(struct lab_profile *profile);

/* Names of all profiles, sorted. */
GPtrArray *lab_profile_names(GError **error);

typedef struct lab_profile lab_profile;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(lab_profile, lab_profile_free)

/* --- what the set-up built, and where our own files are (config.c) --- */

struct lab_config {
	char *qemu;
	char *qemu_data; /* firmware folder, or NULL: QEMU's own */
	char *kernel;
	char *kernel_config; /* of the kernel that the set-up built, or NULL */
	char *modules;       /* folder, or NULL */
	char *agent;         /* the guest's init */
	char *suites;        /* folder of the suites */
	char **chosen;       /* only these of them go into a guest, by name; NULL for all */
	char *selftests; /* folder of Linux's own tests, with their descriptions; NULL if the set-up has none */
	char *cache; /* folder for what is kept between runs */
};

/**
 * lab_config_new() - lab.conf, with what the user chose instead
 * @kernel: bzImage, vmlinux or a kernel build tree, or NULL
 * @modules: folder of modules, or NULL
 * @qemu: QEMU binary, or NULL
 * @error: LAB_ERROR_USAGE when something chosen cannot be used, LAB_ERROR_SYSTEM when the set-up has not run
 */
struct lab_config *lab_config_new(const char *kernel, const char *modules, const char *qemu,
				  GError **error);
void lab_config_free(struct lab_config *config);
typedef struct lab_config lab_config;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(lab_config, lab_config_free)

/* The file that QEMU boots: for a guest that sleeps the bzImage that lies beside a vmlinux, or in its build tree. To be freed. */
char *lab_kernel_file(const struct lab_config *config, bool sleeps);

/*
 * Whether a guest that booted this kernel wakes up again. QEMU 10.2 loads a vmlinux as if it were a ROM, and copies it into memory once
 * more when the guest wakes, over what has become of it (docs/findings.md).
 */
bool lab_kernel_sleeps(const char *kernel);

/* The folder of the profiles: beside the sources when run from the build folder, else where they are installed. */
char *lab_profile_folder(void);

/* --- what a QEMU can do (qemu_features.c) --- */

bool lab_qemu_has_device(const char *qemu, const char *device);
/* The first of @names that is an option of @device, or NULL. */
const char *lab_qemu_option(const char *qemu, const char *device, char *const *names);

/* --- acceleration (accelerator.c) --- */

/**
 * lab_accelerator() - "kvm" when a short boot shows that it works, else "tcg"
 * @config: QEMU and kernel to try with; the answer is kept in the cache
 * @why: set to the reason in words
 */
const char *lab_accelerator(const struct lab_config *config, char **why);

/* --- the guest's file system (image.c, modules.c) --- */

/**
 * lab_image_write() - make the guest's initramfs
 * @config: agent, suites and modules to put in
 * @tests: of struct foreign *: tests of others, whose files go to /tests; or NULL
 * @path: file to write
 * @error: LAB_ERROR_USAGE when a test needs what is not in the guest
 */
bool lab_image_write(const struct lab_config *config, const GPtrArray *tests, const char *path,
		     GError **error);

/**
 * lab_interpreter() - what a program needs to be started
 * @path: a file
 *
 * Return: path of the interpreter of a script, or of the dynamic loader, a new string; NULL if it needs none, or is no program.
 */
char *lab_interpreter(const char *path);

struct lab_module {
	char *name; /* with ".ko" */
	char *data; /* uncompressed */
	size_t length;
};

/* Where modules.dep is: @folder itself, @folder/lib/modules/VERSION or @folder/VERSION; the only one, or an error. */
char *lab_modules_folder(const char *folder, GError **error);
/* The modules a guest needs of those in @folder (one kernel's, with its modules.dep), dependencies first. */
GPtrArray *lab_modules(const char *folder, GError **error);

/* --- a guest (qemu_command.c, guest.c) --- */

/* Open files and streams that QEMU inherits. */
struct lab_descriptors {
	int image;   /* the guest's initramfs */
	int console; /* where the guest's console goes */
	int agent;   /* QEMU's end of the stream to the agent */
	int qmp;     /* QEMU's end of its control stream */
};

/* The name under which a process can open what it has open already; a new string. */
char *lab_descriptor_path(int fd);

/**
 * lab_qemu_command() - QEMU's command line for a guest
 * @config: what to boot
 * @profile: what to boot it on
 * @accelerator: "kvm" or "tcg"
 * @folder: where image and console are and sockets are to listen, by the names below; not used with @descriptors
 * @descriptors: what QEMU inherits, or NULL
 * @error: LAB_ERROR_UNAVAILABLE when this QEMU lacks what the profile asks for
 *
 * Return: NULL-terminated array of strings.
 */
GPtrArray *lab_qemu_command(const struct lab_config *config, const struct lab_profile *profile,
			    const char *accelerator, const char *folder,
			    const struct lab_descriptors *descriptors, GError **error);

/* Names of the files of a guest. */
#define LAB_FILE_IMAGE   "image"
#define LAB_FILE_CONSOLE "console"
#define LAB_FILE_ERRORS  "errors"

/* How many processors a guest has. */
guint lab_processors(const char *accelerator);

/**
 * lab_transport() - a guest as a machine under test
 * @config: what to boot; must outlive the transport
 * @profile: what to boot it on; must outlive the transport
 * @accelerator: "kvm" or "tcg"
 *
 * Whatever ends this process ends the guest. Requests from inside: "unplug DEVICE" (as in 0000:01:00.0) takes a device away, "plug
 * DEVICE" brings it back, "wake" wakes the guest when it has gone to sleep next, "nmi" sends it one.
 */
struct transport *lab_transport(const struct lab_config *config, const struct lab_profile *profile,
				const char *accelerator);

/* --- the command line (options.c) --- */

/* Cases at once on one guest: as many as it has devices. */
#define LAB_JOBS 6

/* What the user wants; zeroed at first, lab_options_clear() at the end. */
struct lab_options {
	char **profiles;
	char *kernel;
	char *modules;
	char *qemu;
	gboolean selftests;
	gboolean list;
	gboolean print_qemu;
};

/* The options, to be added to a command's; they write into @options. */
GOptionGroup *lab_option_group(struct lab_options *options);
void lab_options_clear(struct lab_options *options);

/* The profiles chosen (struct lab_profile, owned by the array): those by default without --profile, all with --list-profiles. */
GPtrArray *lab_chosen_profiles(const struct lab_options *options, GError **error);

/**
 * lab_drop_unavailable() - take out the profiles that this QEMU cannot emulate
 * @config: with the QEMU
 * @options: a profile that was asked for by name is an error instead
 * @accelerator: "kvm" or "tcg"
 * @profiles: as from lab_chosen_profiles()
 * @error: LAB_ERROR_UNAVAILABLE
 *
 * What is left out, and what a QEMU without our device cannot test, is said on stderr.
 */
bool lab_drop_unavailable(const struct lab_config *config, const struct lab_options *options,
			  const char *accelerator, GPtrArray *profiles, GError **error);

/* --list-profiles */
void lab_print_profiles(const GPtrArray *profiles);

/* --print-qemu, for one profile */
bool lab_print_command(const struct lab_config *config, const struct lab_profile *profile,
		       const char *accelerator, GError **error);

/* --- QEMU's control socket (qmp.c) --- */

struct lab_qmp;

/**
 * lab_qmp_new() - take the connection and say hello
 * @fd: our end of QEMU's control stream; owned by the connection from now on
 * @error: LAB_ERROR_GUEST when QEMU does not answer
 */
struct lab_qmp *lab_qmp_new(int fd, GError **error);
void lab_qmp_free(struct lab_qmp *qmp);

/**
 * lab_qmp_execute() - a command and its answer
 * @qmp: connection
 * @command: name
 * @arguments: reference that is taken over, or NULL
 * @error: what QEMU answered, or LAB_ERROR_GUEST when it is gone or silent
 *
 * Return: new reference to what QEMU returned.
 */
json_t *lab_qmp_execute(struct lab_qmp *qmp, const char *command, json_t *arguments,
			GError **error);

/**
 * lab_qmp_wait() - wait for an event
 * @qmp: connection
 * @name: name of the event
 * @member: member of its data that must be @value, or NULL
 * @value: a string or "true"
 * @timeout_ms: 0 looks at what has come
 *
 * Return: whether it has come since the last call that asked for it; false early when QEMU is gone.
 */
bool lab_qmp_wait(struct lab_qmp *qmp, const char *name, const char *member, const char *value,
		  int timeout_ms);

/**
 * lab_unplug() - ask the guest to let go of a device
 * @command: QEMU's command line
 * @device: "0000:03:00.0"
 * @blocks: how many blocks of memory its model has now, for lab_plug()
 *
 * Returns the answer for the case that asked: "ok ..." or "error ...".
 */
char *lab_unplug(struct lab_qmp *qmp, const char *command, const char *device,
		 unsigned int *blocks);

/**
 * lab_plug() - put an unplugged device back, as it was on QEMU's command line
 * @blocks: what lab_unplug() counted
 *
 * Waits until the guest and QEMU have let go of it. Returns the answer for the case that asked: "ok ..." or "error ...".
 */
char *lab_plug(struct lab_qmp *qmp, const char *command, const char *device, unsigned int blocks);

/* --- a guest's sleep (sleep.c) --- */

struct lab_waker;

/**
 * lab_wake_later() - wake the guest when it goes to sleep
 * @kernel: what QEMU booted
 * @waker: set to what waits for that; it alone may use @qmp until lab_wake_done()
 *
 * Returns the answer for the case that asked: "ok ..." or "error ...".
 */
char *lab_wake_later(struct lab_qmp *qmp, const char *kernel, struct lab_waker **waker);

/**
 * lab_wake_done() - a guest that is awake, or lost, need not be woken any more
 * @waker: from lab_wake_later(), or NULL; NULL afterwards
 *
 * Return: why the guest was not woken, or NULL.
 */
char *lab_wake_done(struct lab_waker **waker);

#endif
