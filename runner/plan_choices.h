/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_PLAN_CHOICES_H
#define RUNNER_PLAN_CHOICES_H

/* What was chosen, held against what a machine has. */

#include "runner/plan.h"

/**
 * plan_check_choices() - can the machine have what was chosen? A choice that nothing can match is a typing error.
 * @machine: the machine
 * @options: its --param and --device
 * @error: RUNNER_ERROR_USAGE, naming the choice
 */
gboolean plan_check_choices(const struct machine *machine, const struct run_options *options,
			    GError **error);

/* Is the device one that --device names? Without --device each one is. */
gboolean plan_names(const struct run_options *options, const struct device *device);

/* Nothing is taken from its driver on somebody's own machine unless they said so. */
gboolean plan_may_take(const struct machine *machine, const struct run_options *options,
		       const struct device *device);

#endif /* RUNNER_PLAN_CHOICES_H */
