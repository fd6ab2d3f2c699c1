// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/plan_choices.h"

#include "runner/verdict.h"

static gboolean device_is(const struct device *device, const char *choice)
{
	g_autofree char *ids = g_strdup_printf("%s:%s", device->vendor, device->product);
	g_autofree char *with_domain = g_strdup_printf("0000:%s", choice);

	return g_ascii_strcasecmp(choice, device->name) == 0 ||
	       g_ascii_strcasecmp(with_domain, device->name) == 0 ||
	       g_ascii_strcasecmp(choice, ids) == 0;
}

/* A device that somebody names must be there, be free and have an engine: silently testing another would be a lie. */
static gboolean check_named(const struct machine *machine, const char *choice, gboolean force,
			    GError **error)
{
	gboolean found = FALSE;

	for (guint i = 0; i < machine->devices->len; i++) {
		const struct device *device = machine->devices->pdata[i];

		if (!device_is(device, choice))
			continue;
		found = TRUE;
		if (!*device->engine) {
			g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
				    "device %s (%s:%s): no engine can drive it", device->name,
				    device->vendor, device->product);
			return FALSE;
		}
		if (*device->use && !force) {
			g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
				    "device %s is in use (%s): --force takes it all the same",
				    device->name, device->use);
			return FALSE;
		}
	}
	if (!found)
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "no device %s: iommut devices lists them", choice);
	return found;
}

gboolean plan_names(const struct run_options *options, const struct device *device)
{
	char **choices = options->devices;

	for (char **choice = choices; choice && *choice; choice++)
		if (device_is(device, *choice))
			return TRUE;
	return !choices || !choices[0];
}

gboolean plan_may_take(const struct machine *machine, const struct run_options *options,
		       const struct device *device)
{
	return machine->is_guest || !*device->driver || g_str_equal(device->driver, "vfio-pci") ||
	       (options->devices && options->devices[0]);
}

gboolean plan_offers(const struct machine *machine, const struct run_options *options,
		     const struct device *device)
{
	gboolean wanted = !options->engines || !options->engines[0] ||
			  g_strv_contains((const char *const *)options->engines, device->engine);

	return *device->engine && *device->group && wanted && plan_names(options, device) &&
	       (!*device->use || options->force) && plan_may_take(machine, options, device);
}

/* Whether a case here has the parameter, and with the value, if there is one. */
static gboolean has_parameter(const struct machine *machine, const char *name, const char *value)
{
	for (guint i = 0; i < machine->cases->len; i++) {
		const struct parameter *parameter =
			test_case_parameter(machine->cases->pdata[i], name);

		if (parameter &&
		    (!value || g_strv_contains((const char *const *)parameter->values, value)))
			return TRUE;
	}
	return FALSE;
}

static gboolean check_parameter(const struct machine *machine, const char *choice, GError **error)
{
	g_auto(GStrv) pair = g_strsplit(choice, "=", 2);
	g_auto(GStrv) values = pair[1] ? g_strsplit(pair[1], ",", -1) : NULL;

	if (!values) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "--param %s: it reads name=value[,value]", choice);
		return FALSE;
	}
	if (!has_parameter(machine, pair[0], NULL)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "no case has a parameter %s",
			    pair[0]);
		return FALSE;
	}
	for (char **value = values; *value; value++) {
		if (has_parameter(machine, pair[0], *value))
			continue;
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "--param %s: no case has %s=%s", choice, pair[0], *value);
		return FALSE;
	}
	return TRUE;
}

gboolean plan_check_choices(const struct machine *machine, const struct run_options *options,
			    GError **error)
{
	for (char **choice = options->params; choice && *choice; choice++)
		if (!check_parameter(machine, *choice, error))
			return FALSE;
	for (char **choice = options->devices; choice && *choice; choice++)
		if (!check_named(machine, *choice, options->force, error))
			return FALSE;
	return TRUE;
}
