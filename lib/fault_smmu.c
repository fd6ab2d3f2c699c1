// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <string.h>

#include "lib/fault.h"

/* Of no context: "Blocked unknown Stream ID 0x408; ...", or "Unexpected global fault, ...". */
static bool smmuv2_global(const char *line, struct iommut_fault *fault)
{
	uint64_t stream;

	fault->source = IOMMUT_FAULT_SMMUV2;
	if (fault_field(line, "Blocked unknown Stream ID ", 16, &stream)) {
		fault->kind = IOMMUT_FAULT_DMA;
		fault_stream(fault, stream);
		return true;
	}
	fault->kind = IOMMUT_FAULT_OTHER;
	return strstr(line, "Unexpected global fault, ");
}

/*
 * "arm-smmu ...: Unhandled context fault: fsr=0x402, iova=0x00001000, fsynr=0x11, cbfrsynra=0x8,
 * cb=0"
 */
bool fault_smmuv2(const char *line, struct iommut_fault *fault)
{
	const char *at = strstr(line, "Unhandled context fault:");
	uint64_t status, syndrome, stream;

	if (!at)
		return smmuv2_global(line, fault);
	if (!fault_field(at, "fsr=", 16, &status) ||
	    !fault_field(at, " iova=", 16, &fault->address) ||
	    !fault_field(at, " fsynr=", 16, &syndrome))
		return false;
	fault->source = IOMMUT_FAULT_SMMUV2;
	fault->kind = IOMMUT_FAULT_DMA;
	fault->reason = (uint32_t)status;
	/* FSYNR0: write-not-read is bit 4, privileged bit 5, instruction bit 6. */
	fault->write = syndrome & 1 << 4;
	fault->privileged = syndrome & 1 << 5;
	fault->execute = syndrome & 1 << 6;
	fault->fields |= IOMMUT_FAULT_HAS_REASON | IOMMUT_FAULT_HAS_ADDRESS |
			 IOMMUT_FAULT_HAS_DIRECTION | IOMMUT_FAULT_HAS_PRIVILEGE |
			 IOMMUT_FAULT_HAS_EXECUTE;
	if (fault_field(at, " cbfrsynra=", 16, &stream))
		fault_stream(fault, stream & 0xffff);
	return true;
}

/* Of its queues and of the unit as a whole. */
static bool smmuv3_other(const char *line, struct iommut_fault *fault)
{
	static const struct {
		const char *text;
		enum iommut_fault_kind kind;
	} lines[] = {
		{ "EVTQ overflow detected", IOMMUT_FAULT_OVERFLOW },
		{ "PRIQ overflow detected", IOMMUT_FAULT_OVERFLOW },
		{ "EVTQ write aborted", IOMMUT_FAULT_OVERFLOW },
		{ "PRIQ write aborted", IOMMUT_FAULT_OVERFLOW },
		{ "CMD_SYNC timeout", IOMMUT_FAULT_COMMAND },
		{ "CMDQ timeout", IOMMUT_FAULT_COMMAND },
		{ "unexpected global error reported", IOMMUT_FAULT_OTHER },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *at = strstr(line, lines[i].text);

		if (!at || !strstr(line, "smmu"))
			continue;
		fault->kind = lines[i].kind;
		fault_text(fault, at, strlen(at));
		return true;
	}
	return false;
}

/*
 * "arm-smmu-v3 ...: \tsid 0x00000008.0x00000: [1L] unprivileged RW access at iova 0x1000", "...
 * CMDQ error (cons 0x..): why"
 */
bool fault_smmuv3_line(const char *line, struct iommut_fault *fault)
{
	const char *at = strstr(line, "CMDQ error (cons ");
	uint64_t stream, pasid;

	fault->source = IOMMUT_FAULT_SMMUV3;
	if (at && strstr(line, "smmu")) {
		fault->kind = IOMMUT_FAULT_COMMAND;
		at = strstr(at, "): ");
		if (at)
			fault_text(fault, at + 3, strlen(at + 3));
		return true;
	}
	if (smmuv3_other(line, fault))
		return true;
	at = strstr(line, "sid 0x");
	if (!at || !strstr(at, "privileged ") ||
	    !fault_field(at, "access at iova ", 16, &fault->address))
		return false;
	at += strlen("sid ");
	if (!fault_number(&at, 16, &stream) || *at++ != '.' || !fault_number(&at, 16, &pasid))
		return false;
	fault->kind = IOMMUT_FAULT_PAGE_REQUEST;
	fault_stream(fault, stream);
	fault->fields |=
		IOMMUT_FAULT_HAS_ADDRESS | IOMMUT_FAULT_HAS_DIRECTION | IOMMUT_FAULT_HAS_PRIVILEGE;
	fault->pasid = (uint32_t)pasid;
	/* The line prints 0 for "no substream". */
	if (pasid)
		fault->fields |= IOMMUT_FAULT_HAS_PASID;
	fault->privileged = !strstr(at, "unprivileged ");
	at = strstr(at, "privileged ") + strlen("privileged ");
	fault->write = memchr(at, 'W', strcspn(at, " "));
	return true;
}

/* Event records of SMMUv3 (7.3): which parts of the record an event has. */
static bool smmuv3_has_address(uint32_t event)
{
	switch (event) {
	case 0x10: /* F_TRANSLATION */
	case 0x11: /* F_ADDR_SIZE */
	case 0x12: /* F_ACCESS */
	case 0x13: /* F_PERMISSION */
	case 0x01: /* F_UUT */
	case 0x07: /* F_TRANSL_FORBIDDEN */
	case 0x20: /* F_TLB_CONFLICT */
		return true;
	default:
		return false;
	}
}

static const char *smmuv3_name(uint32_t event)
{
	static const char *const names[] = {
		[0x01] = "F_UUT",
		[0x02] = "C_BAD_STREAMID",
		[0x03] = "F_STE_FETCH",
		[0x04] = "C_BAD_STE",
		[0x05] = "F_BAD_ATS_TREQ",
		[0x06] = "F_STREAM_DISABLED",
		[0x07] = "F_TRANSL_FORBIDDEN",
		[0x08] = "C_BAD_SUBSTREAMID",
		[0x09] = "F_CD_FETCH",
		[0x0a] = "C_BAD_CD",
		[0x0b] = "F_WALK_EABT",
		[0x10] = "F_TRANSLATION",
		[0x11] = "F_ADDR_SIZE",
		[0x12] = "F_ACCESS",
		[0x13] = "F_PERMISSION",
		[0x20] = "F_TLB_CONFLICT",
		[0x21] = "F_CFG_CONFLICT",
		[0x24] = "E_PAGE_REQUEST",
		[0x25] = "F_VMS_FETCH",
	};

	return event < sizeof(names) / sizeof(names[0]) && names[event] ? names[event]
									: "unknown event";
}

static void smmuv3_decode(const uint64_t *record, struct iommut_fault *fault)
{
	uint32_t event = record[0] & 0xff;

	fault->source = IOMMUT_FAULT_SMMUV3;
	fault->kind = event == 0x24 ? IOMMUT_FAULT_PAGE_REQUEST : IOMMUT_FAULT_DMA;
	fault->reason = event;
	fault->fields |= IOMMUT_FAULT_HAS_REASON;
	fault_text(fault, smmuv3_name(event), strlen(smmuv3_name(event)));
	fault_stream(fault, record[0] >> 32);
	if (record[0] & 1 << 11) {
		fault->pasid = record[0] >> 12 & IOMMUT_PASID_MAX;
		fault->fields |= IOMMUT_FAULT_HAS_PASID;
	}
	if (smmuv3_has_address(event)) {
		fault->address = record[2];
		fault->privileged = record[1] >> 33 & 1;
		fault->execute = record[1] >> 34 & 1;
		fault->write = !(record[1] >> 35 & 1);
		fault->fields |= IOMMUT_FAULT_HAS_ADDRESS | IOMMUT_FAULT_HAS_PRIVILEGE |
				 IOMMUT_FAULT_HAS_EXECUTE | IOMMUT_FAULT_HAS_DIRECTION;
	}
}

/* state[0]: 1 + number of words that have come, 0 outside of an event; state[1..4]: the words. */
bool fault_smmuv3_event(struct iommut_fault_parser *parser, const char *line,
			struct iommut_fault *fault)
{
	const char *at = strstr(line, "event 0x");
	uint64_t value;

	if (at && strstr(at, " received:")) {
		parser->state[0] = 1;
		return false;
	}
	if (!parser->state[0])
		return false;
	/*
	 * The four words of the event follow, one in a line, behind the driver's prefix; other
	 * lines may come between.
	 */
	at = strrchr(line, ' ');
	at = at ? at + 1 : line;
	at += strspn(at, "\t");
	/* As /dev/kmsg writes a tab, for whoever gives lines as they are. */
	if (!strncmp(at, "\\x09", 4))
		at += 4;
	if (strncmp(at, "0x", 2) || strlen(at) != 18 || !fault_number(&at, 16, &value) || *at)
		return false;
	if (parser->state[0] > 4) {
		parser->state[0] = 0;
		return false;
	}
	parser->state[parser->state[0]++] = value;
	if (parser->state[0] < 5)
		return false;
	parser->state[0] = 0;
	smmuv3_decode(&parser->state[1], fault);
	return true;
}
