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

/* Three steps from nothing to a pcie-ats-testdev that may do DMA, its registers mapped; what they leave, the closing takes in reverse. */
int bare_open_file(struct bare *bare, enum iommut_backend backend);
int bare_open_device(struct bare *bare, const char *bdf);
int bare_open_registers(struct bare *bare);
void bare_close_registers(struct bare *bare);
void bare_close_device(struct bare *bare);
void bare_close_file(struct bare *bare);

/* Has it write a pattern of 8 bytes again and again. */
int bare_fill(const struct bare *bare, uint64_t iova, uint32_t length, uint64_t pattern);

#endif /* BENCH_BARE_H */
