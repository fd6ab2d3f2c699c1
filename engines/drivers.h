/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef ENGINES_DRIVERS_H
#define ENGINES_DRIVERS_H

/* The engines there are; engine.c lists them in the order in which they are asked. */

#include "engines/engine.h"

extern const struct engine_driver engine_testdev;
extern const struct engine_driver engine_edu;
extern const struct engine_driver engine_igb;
extern const struct engine_driver engine_iommu_testdev;
extern const struct engine_driver engine_nvme;

#endif /* ENGINES_DRIVERS_H */
