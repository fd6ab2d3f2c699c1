/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_FAULT_H
#define LIB_FAULT_H

#include <iommut/fault.h>

/* A number at *at, in hexadecimal with or without 0x; moves *at behind it. */
bool fault_number(const char **at, int base, uint64_t *value);

/* The number behind the first @name in a line, for instance of "address=". */
bool fault_field(const char *line, const char *name, int base, uint64_t *value);

/* An address of a function at @at, such as "0000:00:05.0]". */
bool fault_device(const char *at, struct iommut_fault *fault);

void fault_text(struct iommut_fault *fault, const char *text, size_t length);

/* A stream ID, whose low 16 bits are the requester ID wherever firmware maps them one to one. */
void fault_stream(struct iommut_fault *fault, uint64_t stream);

/* One for each format: whether the line is a fault of its kind, which is then stored. */
bool fault_intel(const char *line, struct iommut_fault *fault);
bool fault_amd(const char *line, struct iommut_fault *fault);
bool fault_virtio(const char *line, struct iommut_fault *fault);
bool fault_riscv(const char *line, struct iommut_fault *fault);
bool fault_smmuv2(const char *line, struct iommut_fault *fault);
bool fault_soc(const char *line, struct iommut_fault *fault);
bool fault_smmuv3_line(const char *line, struct iommut_fault *fault);
bool fault_smmuv3_event(struct iommut_fault_parser *parser, const char *line,
			struct iommut_fault *fault);

#endif /* LIB_FAULT_H */
