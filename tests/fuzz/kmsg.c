// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of /dev/kmsg, into which any privileged process can write. */
#include <stdlib.h>
#include <string.h>

#include <iommut/kmsg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iommut_kmsg_record record;

	if (!iommut_kmsg_parse((const char *)data, size, &record) &&
	    strlen(record.text) >= sizeof(record.text))
		abort();
	return 0;
}
