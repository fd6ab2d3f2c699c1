// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/guard.h"

/*
 * Mappings, for a signal handler to look at: entries are never freed, only used again, and a length
 * of 0 stands for an unused one.
 */
struct guarded {
	struct guarded *next;
	_Atomic uintptr_t start;
	_Atomic size_t length;
	atomic_bool lost;
};

static struct guarded *_Atomic first;
static struct sigaction before;
static long page_size;
static atomic_bool begun;

static struct guarded *find(uintptr_t address)
{
	for (struct guarded *entry = atomic_load(&first); entry; entry = entry->next)
		if (address - atomic_load(&entry->start) < atomic_load(&entry->length))
			return entry;
	return NULL;
}

/* Takes an unused entry; the length says that it is in use, so it comes last. */
static bool use_again(struct guarded *entry, uintptr_t start, size_t length)
{
	uintptr_t unused = 0;

	if (atomic_load(&entry->length) ||
	    !atomic_compare_exchange_strong(&entry->start, &unused, start))
		return false;
	atomic_store(&entry->lost, false);
	atomic_store(&entry->length, length);
	return true;
}

int guard_add(const struct iommut_syscalls *sys, void *address, size_t length)
{
	struct guarded *entry;

	for (entry = atomic_load(&first); entry; entry = entry->next)
		if (use_again(entry, (uintptr_t)address, length))
			return 0;
	entry = sys_calloc(sys, 1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	atomic_store(&entry->start, (uintptr_t)address);
	atomic_store(&entry->length, length);
	entry->next = atomic_load(&first);
	while (!atomic_compare_exchange_weak(&first, &entry->next, entry))
		;
	return 0;
}

void guard_remove(void *address)
{
	struct guarded *entry = find((uintptr_t)address);

	if (!entry || atomic_load(&entry->start) != (uintptr_t)address)
		return;
	atomic_store(&entry->length, 0);
	atomic_store(&entry->start, 0);
}

bool iommut_guard_lost(const void *address)
{
	struct guarded *entry = find((uintptr_t)address);

	return entry && atomic_load(&entry->lost);
}

/* Nothing here but system calls and memory of this thread's own: the signal may come anywhere. */
static bool replace_page(uintptr_t address)
{
	void *page = (void *)(address & ~(uintptr_t)(page_size - 1));

	if (mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		return false;
	memset(page, 0xff, page_size);
	return true;
}

static void pass_on(int number, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else if (before.sa_handler == SIG_DFL || info->si_code > 0) {
		/*
		 * The access is done again and ends as if there were no guard: by death, also where the signal is ignored. Only one
		 * that was sent can be ignored.
		 */
		signal(number, SIG_DFL);
		if (info->si_code <= 0)
			raise(number);
	}
}

static void handle(int number, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	int saved = errno;
	struct guarded *entry = info->si_code == BUS_ADRERR ? find(address) : NULL;

	if (entry && replace_page(address))
		atomic_store(&entry->lost, true);
	else
		pass_on(number, info, context);
	errno = saved;
}

int iommut_guard_begin(void)
{
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };

	if (atomic_exchange(&begun, true))
		return -EALREADY;
	page_size = sysconf(_SC_PAGESIZE);
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &before)) {
		atomic_store(&begun, false);
		return -errno;
	}
	return 0;
}

void iommut_guard_end(void)
{
	if (!atomic_load(&begun))
		return;
	sigaction(SIGBUS, &before, NULL);
	atomic_store(&begun, false);
}
