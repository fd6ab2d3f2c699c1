/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_CONFIG_H
#define RUNNER_CONFIG_H

/*
 * Files of settings: key files with a group for each command, whose keys are the command's long options without the dashes.
 * Several values are separated by semicolons; a switch is true or false.
 */

#include <glib.h>

/**
 * struct setting - an option that a file sets
 * @command: the command it is for
 * @option: long name
 * @value: text; NULL for a switch
 * @place: the file
 */
struct setting {
	char *command;
	char *option;
	char *value;
	char *place;
};

/**
 * config_new() - no settings
 *
 * Return: an array of struct setting *, which owns them.
 */
GPtrArray *config_new(void);

/**
 * config_parse() - add the settings of a text
 * @settings: from config_new(); what an earlier file says of the same option is replaced
 * @text: the text
 * @length: bytes
 * @place: its name
 * @error: RUNNER_ERROR_USAGE
 */
gboolean config_parse(GPtrArray *settings, const char *text, gsize length, const char *place,
		      GError **error);

/**
 * config_load() - the settings in force: of the machine, of the user, of the project, each before the next
 * @error: RUNNER_ERROR_USAGE
 *
 * These are /etc/iommut.conf, iommut.conf in $XDG_CONFIG_HOME (~/.config), and iommut.conf in the working directory or the nearest
 * one above it that has it. $IOMMUT_CONFIG, if set, names the only file to read; none if it is empty.
 *
 * Return: of struct setting *.
 */
GPtrArray *config_load(GError **error);

/**
 * config_arguments() - a command line with the settings before what was typed
 * @settings: of struct setting *
 * @command: the command
 * @argc: number of arguments, of which the first is the command
 * @argv: arguments
 *
 * An option that was typed is not taken from the settings.
 *
 * Return: a new NULL-terminated array.
 */
char **config_arguments(const GPtrArray *settings, const char *command, int argc, char **argv);

#endif /* RUNNER_CONFIG_H */
