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
#include <stdbool.h>

#define LAB_PORT "iommut.agent"
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
	char *description;
	char *machine;	     /* -machine */
	char *iommu;	     /* -device of the IOMMU; NULL without one */
	GPtrArray *options;  /* of struct lab_option *: options of the IOMMU device */
	char *append;	     /* to the kernel's command line */
	GPtrArray *extra;    /* of char *: -device arguments this IOMMU needs besides */
	unsigned int testdev; /* how many pcie-ats-testdev */
	unsigned int edu;     /* how many edu */
	bool by_default;      /* a lab without --profile has it */
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
	char *modules;	/* folder, or NULL */
	char *agent;	/* the guest's init */
	char *suites;	/* folder of the suites */
	char *cache;	/* folder for what is kept between runs */
};

/**
 * lab_config_new() - lab.conf, with what the user chose instead
 * @kernel: bzImage, vmlinux or a kernel build tree, or NULL
 * @modules: folder of modules, or NULL
 * @qemu: QEMU binary, or NULL
 * @error: LAB_ERROR_USAGE when something chosen cannot be used, LAB_ERROR_SYSTEM when the set-up has not run
 */
struct lab_config *lab_config_new(const char *kernel, const char *modules, const char *qemu, GError **error);
void lab_config_free(struct lab_config *config);
typedef struct lab_config lab_config;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(lab_config, lab_config_free)

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
 * @path: file to write
 */
bool lab_image_write(const struct lab_config *config, const char *path, GError **error);

struct lab_module {
	char *path; /* on this host */
};

/* Modules a guest needs, dependencies first. Empty without a module folder. */
GPtrArray *lab_modules(const char *folder, GError **error);

/* --- a guest (guest.c) --- */

struct lab_guest;

/* QEMU's whole command line; the sockets and files in it are in @folder. */
GPtrArray *lab_qemu_command(const struct lab_config *config, const struct lab_profile *profile, const char *accelerator,
			    const char *folder, GError **error);

/**
 * lab_guest_start() - start QEMU and wait until the agent's end of the stream is open
 * @config: what to boot
 * @profile: what to boot it on
 * @accelerator: "kvm" or "tcg"
 * @error: LAB_ERROR_GUEST names the phase that did not end in time and the console's last lines
 *
 * The guest dies with this process, whatever ends it.
 */
struct lab_guest *lab_guest_start(const struct lab_config *config, const struct lab_profile *profile,
				  const char *accelerator, GError **error);

/* The byte stream to the agent: a socket, owned by the guest. It ends when the guest does. */
int lab_guest_stream(struct lab_guest *guest);

/* Process id of QEMU. */
GPid lab_guest_pid(struct lab_guest *guest);

/**
 * lab_guest_explain() - why the stream ended, or why nothing comes
 *
 * Return: some lines: panic, QEMU's death with its status or signal, or a hang, and the console's last lines.
 */
char *lab_guest_explain(struct lab_guest *guest);

/**
 * lab_guest_control() - do to the guest what it cannot do to itself
 * @request: "unplug NAME" or "plug NAME" for a device by the name of its slot, "nmi"
 *
 * Return: the answer line for the agent: "ok ..." or "error ...".
 */
char *lab_guest_control(struct lab_guest *guest, const char *request);

/* End the guest, wait for QEMU, and remove its folder. */
void lab_guest_stop(struct lab_guest *guest);

#endif
