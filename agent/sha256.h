/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_SHA256_H
#define AGENT_SHA256_H

#include <stdbool.h>
#include <stdint.h>

#define SHA256_TEXT 65

/**
 * sha256_file() - the SHA-256 of a file, as sha256sum(1) prints it
 * @path: the file
 * @text: 64 hexadecimal digits and a NUL
 *
 * Return: false if it cannot be read.
 */
bool sha256_file(const char *path, char text[SHA256_TEXT]);

#endif /* AGENT_SHA256_H */
