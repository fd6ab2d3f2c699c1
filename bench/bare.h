/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

/* What a program without the library would write: system calls and nothing else. All return 0 or a negative errno. */
#include <stdint.h>

#include <iommut/backend.h>

struct bare {
	enum iommut_backend backend;
	int file; /* the container, or /dev/iommu */
	int group;
	int device;
	uint32_t ioas;
	uint8_t *registers;
};

int bare_map(const struct bare *bare, const void *address, uint64_t length, uint64_t iova);
int bare_unmap(const struct bare *bare, uint64_t iova, uint64_t length);

/* Opens a pcie-ats-testdev so far that it may do DMA, its registers mapped. */
int bare_open(struct bare *bare, enum iommut_backend backend, const char *bdf);
void bare_close(struct bare *bare);

/* Has it write a pattern of 8 bytes again and again. */
int bare_fill(const struct bare *bare, uint64_t iova, uint32_t length, uint64_t pattern);

#endif /* BENCH_BARE_H */
