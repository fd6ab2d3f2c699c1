// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <string.h>

#include "lib/fault.h"

/* "virtio_iommu virtio0: page fault from EP 8 at 0x1000 [W]" */
bool fault_virtio(const char *line, struct iommut_fault *fault)
{
	static const char token[] = " fault from EP ";
	const char *at = strstr(line, token);
	const char *word = at;
	const char *access;
	uint64_t endpoint;

	if (!at)
		return false;
	while (word > line && word[-1] != ' ')
		word--;
	fault->source = IOMMUT_FAULT_VIRTIO;
	fault->kind = IOMMUT_FAULT_DMA;
	fault_text(fault, word, (size_t)(at - word));
	at += sizeof(token) - 1;
	if (!fault_number(&at, 10, &endpoint))
		return false;
	fault_stream(fault, endpoint);
	if (fault_field(at, " at ", 16, &fault->address))
		fault->fields |= IOMMUT_FAULT_HAS_ADDRESS;
	access = strchr(at, '[');
	if (access && access[1] != ']') {
		size_t length = strcspn(access, "]");

		fault->write = memchr(access, 'W', length);
		fault->execute = memchr(access, 'X', length);
		fault->fields |= IOMMUT_FAULT_HAS_EXECUTE;
		if (fault->write || memchr(access, 'R', length))
			fault->fields |= IOMMUT_FAULT_HAS_DIRECTION;
	}
	return true;
}

/* Of its queues, and of commands: "Queue #2 error; memory fault:0 overflow:1". */
static bool riscv_other(const char *line, struct iommut_fault *fault)
{
	const char *queue = strstr(line, "error; memory fault:");

	fault->source = IOMMUT_FAULT_RISCV;
	if (queue && strstr(line, "Queue #")) {
		fault->kind =
			strstr(queue, "overflow:1") ? IOMMUT_FAULT_OVERFLOW : IOMMUT_FAULT_OTHER;
		return true;
	}
	fault->kind = IOMMUT_FAULT_COMMAND;
	return (strstr(line, "Queue #") && strstr(line, "error; fault:")) ||
	       (strstr(line, "riscv") && (strstr(line, "command execution timeout") ||
					  strstr(line, "queue access timeout")));
}

/* "riscv-iommu ...: Fault 13 devid: 0x8 iotval: 1000 iotval2: 0" */
bool fault_riscv(const char *line, struct iommut_fault *fault)
{
	/* Causes of the RISC-V IOMMU specification, table of fault record causes. */
	enum { READ = 1, WRITE = 2, EXECUTE = 4 };
	static const uint8_t access[] = {
		[0] = EXECUTE, [1] = EXECUTE,  [4] = READ,     [5] = READ,
		[6] = WRITE,   [7] = WRITE,    [12] = EXECUTE, [13] = READ,
		[15] = WRITE,  [20] = EXECUTE, [21] = READ,    [23] = WRITE,
	};
	uint64_t cause, device;

	if (!strstr(line, " iotval2: "))
		return riscv_other(line, fault);
	if (!fault_field(line, "Fault ", 10, &cause) ||
	    !fault_field(line, "devid: ", 16, &device) ||
	    !fault_field(line, "iotval: ", 16, &fault->address))
		return false;
	fault->source = IOMMUT_FAULT_RISCV;
	fault->kind = IOMMUT_FAULT_DMA;
	fault->reason = (uint32_t)cause;
	fault->fields |= IOMMUT_FAULT_HAS_REASON | IOMMUT_FAULT_HAS_ADDRESS;
	fault_stream(fault, device);
	if (cause < sizeof(access) && access[cause]) {
		fault->write = access[cause] == WRITE;
		fault->execute = access[cause] == EXECUTE;
		fault->fields |= IOMMUT_FAULT_HAS_DIRECTION | IOMMUT_FAULT_HAS_EXECUTE;
	}
	return true;
}
