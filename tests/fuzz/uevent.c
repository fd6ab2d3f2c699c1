// SPDX-License-Identifier: GPL-2.0-or-later
/* Device events from a socket to which other processes can send, too. */
#include <stdlib.h>
#include <string.h>

#include <iommut/uevent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iommut_uevent event;

	if (!iommut_uevent_parse((const char *)data, size, &event) &&
	    (strlen(event.path) >= sizeof(event.path) || strlen(event.name) >= sizeof(event.name)))
		abort();
	return 0;
}
