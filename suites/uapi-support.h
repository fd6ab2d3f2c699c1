/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_UAPI_SUPPORT_H
#define SUITES_UAPI_SUPPORT_H

#include <iommut/iommufd.h>

#include "harness/harness.h"
#include "suites/uapi-commands.h"

/* An ID the kernel has not given out: it counts them from 1. */
#define UNUSED_ID 0x7ffffff0u

#define PAGE 4096

/**
 * open_iommufd() - a fresh /dev/iommu, closed when the case ends
 * @t: the test; skips where there is none
 *
 * Return: the handle.
 */
struct iommut_handle open_iommufd(struct test *t);

/**
 * new_ioas() - an IOAS
 * @t: the test
 * @iommufd: /dev/iommu
 *
 * Return: its ID.
 */
uint32_t new_ioas(struct test *t, struct iommut_handle iommufd);

/**
 * new_pages() - anonymous memory, freed when the case ends
 * @t: the test
 * @count: pages of 4 KiB
 *
 * Return: the first byte.
 */
uint8_t *new_pages(struct test *t, size_t count);

/**
 * forbidden_page() - a page nobody may touch, freed when the case ends
 * @t: the test
 *
 * The page before it can be used: what crosses the border is cut there.
 *
 * Return: its first byte.
 */
uint8_t *forbidden_page(struct test *t);

#endif /* SUITES_UAPI_SUPPORT_H */
