/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two test devices with virtual functions, and everything a guest could write to them: registers in any order, rings, configuration space,
 * interrupt tables, resets, and DMA that leads back to the devices themselves. What is looked for is a QEMU that dies, hangs or
 * is reported by its sanitizers: fuzz_device [--writes N] [--seed N] [--keep FILE].
 */
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "fuzz.h"

#define FUNCTIONS   7
#define VFS_OF_PF   3 /* the second one has 2 */
#define SCRATCH     FREE_MEMORY
#define SCRATCH_END (FREE_MEMORY + 0x100000)
/* The pages that the rings are in, in every function's address space. */
#define RING_PAGE    12
#define RESULT_PAGE  14
#define BATCH        400
#define ROUND_WRITES 200000
/* Registers of VT-d that take queued work: invalidations, page requests. */
#define VTD_IQT 0xfed90088ull
#define VTD_PQH 0xfed900c0ull
#define PASIDS  3

static struct {
	struct fuzz fuzz;
	struct qtest *qtest;
	struct vtd vtd;
	struct function functions[FUNCTIONS];
	GString *lines;
	unsigned int count;
	uint64_t writes, others, machines;
	GQueue log; /* what was sent of late */
	const char *keep;
	uint64_t seed;
} run;

static uint32_t chance(uint32_t bound)
{
	return below(&run.fuzz, bound);
}

/* What was sent before QEMU broke, for whoever looks for the reason. */
static void tell(void)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (GList *entry = run.log.head; entry; entry = entry->next)
		g_string_append(text, entry->data);
	g_string_append_len(text, run.lines->str, run.lines->len);
	g_printerr("fuzz_device: seed 0x%" PRIx64 ", after %" PRIu64 " register writes\n", run.seed,
		   run.writes);
	if (run.keep && g_file_set_contents(run.keep, text->str, text->len, NULL))
		g_printerr("fuzz_device: the last commands are in %s\n", run.keep);
}

static void flush(void)
{
	if (!run.count)
		return;
	qtest_batch(run.qtest, run.lines, run.count);
	g_queue_push_tail(&run.log, g_strndup(run.lines->str, run.lines->len));
	if (run.log.length > 64)
		g_free(g_queue_pop_head(&run.log));
	g_string_truncate(run.lines, 0);
	run.count = 0;
}

static void G_GNUC_PRINTF(1, 2) send(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_string_append_vprintf(run.lines, format, arguments);
	va_end(arguments);
	if (++run.count == BATCH)
		flush();
}

static char width(unsigned int bytes)
{
	return bytes == 1 ? 'b' : bytes == 2 ? 'w' : bytes == 4 ? 'l' : 'q';
}

static void put(uint64_t address, unsigned int bytes, uint64_t value)
{
	uint64_t mask = bytes == 8 ? UINT64_MAX : (1ull << (8 * bytes)) - 1;

	send("write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", width(bytes), address, value & mask);
}

static void put_config(const struct function *function, unsigned int offset, unsigned int bytes,
		       uint32_t value)
{
	put(config_address(function, offset), bytes, value);
}

static struct function *some_function(void)
{
	return &run.functions[chance(FUNCTIONS)];
}

static void write_register(void)
{
	struct access access;

	some_register(&run.fuzz, &access);
	put(some_function()->registers + access.offset, access.bytes, access.value);
	run.writes++;
}

static void read_register(void)
{
	unsigned int bytes = 1u << chance(4);

	send("read%c 0x%" PRIx64 "\n", width(bytes),
	     some_function()->registers + (chance(0x400) & ~(bytes - 1)));
}

/* A descriptor among those that a ring could have, or in the registers. */
static void write_descriptor(void)
{
	uint8_t bytes[TESTDEV_DESC_SIZE] = { 0 };

	some_descriptor(&run.fuzz, bytes);
	if (chance(2)) {
		g_autofree char *text = g_base64_encode(bytes, sizeof(bytes));

		send("b64write 0x%" PRIx64 " 0x%zx %s\n",
		     (uint64_t)SCRATCH + 4096 * RING_PAGE + sizeof(bytes) * chance(64),
		     sizeof(bytes), text);
		return;
	}
	for (unsigned int i = 0, which = chance(FUNCTIONS); i < sizeof(bytes); i += 8) {
		uint64_t value;

		memcpy(&value, bytes + i, 8);
		put(run.functions[which].registers + TESTDEV_TRANSFER + i, 8, value);
		run.writes++;
	}
}

static void start_ring(void)
{
	uint64_t registers = some_function()->registers;
	uint32_t count = 1u << chance(7);

	put(registers + TESTDEV_RING_BASE, 8, FUZZ_IOVA + 4096 * RING_PAGE);
	put(registers + TESTDEV_RING_RESULTS, 8,
	    chance(8) ? FUZZ_IOVA + 4096 * RESULT_PAGE : some_address(&run.fuzz));
	put(registers + TESTDEV_RING_COUNT, 4, count);
	put(registers + TESTDEV_RING_TAIL, 4, 1 + chance(count));
	run.writes += 4;
}

static void write_config(void)
{
	struct function *function = some_function();
	const struct {
		unsigned int offset, bytes;
		uint32_t mask;
	} fields[] = {
		{ PCI_COMMAND, 2, 0x7ff },
		{ function->power + PCI_PM_CTRL, 2, 3 },
		{ function->express + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR },
		{ function->msi + PCI_MSI_FLAGS, 2, 0x1ff },
		{ function->msi + PCI_MSI_MASK_64, 4, UINT32_MAX },
		{ function->msix + PCI_MSIX_FLAGS, 2, 0xc000 },
		{ function->ats + PCI_ATS_CTRL, 2, 0x801f },
		{ function->pri + PCI_PRI_CTRL, 2, 3 },
		{ function->pri + PCI_PRI_STATUS, 2, 0xffff },
		{ function->pri + PCI_PRI_ALLOC_REQ, 4, 0x3ff },
		{ function->pasid + PCI_PASID_CTRL, 2, 7 },
		{ function->sriov + PCI_SRIOV_CTRL, 2, 0x1f },
		{ function->sriov + PCI_SRIOV_NUM_VF, 2, 7 },
	};
	unsigned int field = chance(G_N_ELEMENTS(fields) + 1);
	unsigned int bytes = 1u << chance(3);

	if (field < G_N_ELEMENTS(fields) && fields[field].offset >= PCI_STD_HEADER_SIZEOF / 16) {
		put_config(function, fields[field].offset, fields[field].bytes,
			   some_number(&run.fuzz) & fields[field].mask);
		return;
	}
	put_config(function, chance(4096) & ~(bytes - 1), bytes, some_number(&run.fuzz));
}

/* Where interrupts go: also to the devices' own registers. */
static void write_message(void)
{
	struct function *function = some_function();

	if (function->msi && chance(4) == 0) {
		put_config(function, function->msi + PCI_MSI_ADDRESS_LO, 4,
			   some_address(&run.fuzz));
		put_config(function, function->msi + PCI_MSI_DATA_64, 2, some_number(&run.fuzz));
		return;
	}
	put(function->table + 16 * chance(20), 8, some_address(&run.fuzz) & ~3ull);
	put(function->table + 16 * chance(20) + 8, 8, some_number(&run.fuzz) & 0x1ffffffff);
}

/* What an IOMMU sends to the devices: invalidations and page responses, whether they were asked for or not. */
static void write_queue(void)
{
	struct vtd *vtd = &run.vtd;
	struct function *function = some_function();
	uint64_t source = function->bus << 8 | function->devfn, pasid = chance(PASIDS);
	uint64_t slot = vtd->queue + 32 * vtd->tail;
	uint64_t iova = FUZZ_IOVA + 4096ull * chance(FUZZ_PAGES);
	uint64_t low, high = 0;

	switch (chance(4)) {
	case 0: /* device TLB */
		low = 0x3 | source << 32;
		high = chance(4) ? iova : 0x7ffffffffffff001;
		break;
	case 1: /* device TLB, with a PASID */
		low = 0x8 | source << 16 | pasid << 32;
		high = chance(4) ? iova : 0x7ffffffffffff800;
		break;
	case 2: /* page group response */
		low = 0x9 | 1 << 4 | (uint64_t)chance(16) << 12 | source << 16 | pasid << 32;
		high = (uint64_t)(chance(2) ? 0x100 + chance(16) : chance(512)) << 3;
		break;
	default: /* IOTLB, globally */
		low = 0x2 | 1 << 4;
		break;
	}
	put(slot, 8, low);
	put(slot + 8, 8, high);
	put(slot + 16, 8, 0);
	put(slot + 24, 8, 0);
	vtd->tail = (vtd->tail + 1) % 128;
	put(VTD_IQT, 4, vtd->tail * 32);
	/* The queue of page requests is emptied whatever is in it. */
	if (chance(8) == 0)
		put(VTD_PQH, 8, 32 * chance(128));
}

static void repair_vfs(const struct function *pf, const struct function *vf, unsigned int count)
{
	static const unsigned int bars[] = { TESTDEV_BAR_REGISTERS, TESTDEV_BAR_MEMORY,
					     TESTDEV_BAR_MSIX };
	const uint64_t places[] = { vf->registers, vf->memory, vf->table };

	put_config(pf, pf->sriov + PCI_SRIOV_CTRL, 2, 0);
	for (unsigned int i = 0; i < 3; i++)
		put_config(pf, pf->sriov + PCI_SRIOV_BAR + 4 * bars[i], 4, places[i]);
	put_config(pf, pf->sriov + PCI_SRIOV_BAR + 4 * TESTDEV_BAR_MEMORY + 4, 4, 0);
	put_config(pf, pf->sriov + PCI_SRIOV_NUM_VF, 2, count);
	put_config(pf, pf->sriov + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
}

/* Puts what was broken in the way to the registers right again, and most of what DMA needs. */
static void repair(void)
{
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		const struct function *function = &run.functions[i];

		put_config(function, function->power + PCI_PM_CTRL, 2, 0);
		/* What goes on for ever takes the time of what comes. */
		if (chance(2))
			put(function->registers + TESTDEV_STORM, 4, 0);
		if (chance(2))
			put(function->registers + TESTDEV_CONTROL, 4, TESTDEV_CONTROL_ABORT);
		if (function->sriov) {
			put_config(function, PCI_BASE_ADDRESS_0, 4, function->registers);
			put_config(function, PCI_BASE_ADDRESS_2, 4, function->memory);
			put_config(function, PCI_BASE_ADDRESS_3, 4, 0);
			put_config(function, PCI_BASE_ADDRESS_4, 4, function->table);
			repair_vfs(function, function + 1, i ? 2 : VFS_OF_PF);
		}
		put_config(function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		if (function->pasid && chance(4))
			put_config(function, function->pasid + PCI_PASID_CTRL, 2,
				   chance(4) ? 7 : 0);
		if (chance(4))
			put_config(function, function->ats + PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE);
		if (function->pri && chance(4)) {
			put_config(function, function->pri + PCI_PRI_ALLOC_REQ, 4, 64);
			put_config(function, function->pri + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_ENABLE);
		}
		if (chance(2))
			put_config(function, function->msix + PCI_MSIX_FLAGS, 2,
				   PCI_MSIX_FLAGS_ENABLE);
	}
}

/* What a page of a function's address space leads to. */
static uint64_t page_of(unsigned int function, unsigned int page)
{
	const struct function *own = &run.functions[function];
	const struct function *other = &run.functions[(function + 1 + page) % FUNCTIONS];

	switch (page) {
	case 4:
		return own->registers;
	case 5:
		return own->memory;
	case 6:
		return own->table;
	case 7:
		return config_address(own, 0);
	case 8:
		return other->registers;
	case 9:
		return other->table;
	case 10:
		return config_address(other, 0);
	case 11:
		return config_address(&run.functions[0], 0);
	default:
		return SCRATCH + 4096 * page;
	}
}

static void map_all(void)
{
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		vtd_attach(&run.vtd, &run.functions[i]);
		for (uint32_t pasid = 1; pasid < PASIDS; pasid++)
			vtd_attach_pasid(&run.vtd, &run.functions[i], pasid);
		for (unsigned int page = 0; page < FUZZ_PAGES; page++)
			for (uint32_t pasid = 0; pasid < PASIDS; pasid++)
				vtd_map(&run.vtd, &run.functions[i], pasid,
					FUZZ_IOVA + 4096ull * page, page_of(i, page), page != 3);
	}
}

static void note_places(void)
{
	struct fuzz *fuzz = &run.fuzz;

	fuzz->place_count = 0;
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		const struct function *function = &run.functions[i];
		const uint64_t places[] = { function->registers, function->memory, function->table,
					    config_address(function, 0) };

		for (unsigned int j = 0; j < G_N_ELEMENTS(places); j++)
			fuzz->places[fuzz->place_count++] = places[j];
	}
	fuzz->places[fuzz->place_count++] = SCRATCH;
	fuzz->places[fuzz->place_count++] = 0xfec00000; /* IO-APIC */
	g_assert_cmpuint(fuzz->place_count, <=, FUZZ_PLACES);
}

static void start_machine(const struct lab_config *config)
{
	g_autofree char *iommu = machine_iommu(config->qemu, false);
	const char *const arguments[] = {
		"-machine", "q35",
		"-m",       "128",
		"-device",  iommu,
		"-device",  "pcie-ats-testdev,addr=4,sriov-vfs=3,memory-size=1048576",
		"-device",  "pcie-ats-testdev,addr=6,sriov-vfs=2,memory-size=1048576,pri=off",
		NULL
	};

	run.qtest = qtest_start(config, arguments);
	run.vtd = (struct vtd){ 0 };
	run.machines++;
	machine_start_pci(run.qtest);
	function_probe(&run.functions[0], run.qtest, 0, 4 << 3, 0xe0000000);
	function_enable_vfs(&run.functions[0], &run.functions[1], VFS_OF_PF, 0xd0000000);
	function_probe(&run.functions[4], run.qtest, 0, 6 << 3, 0xe1000000);
	function_enable_vfs(&run.functions[4], &run.functions[5], 2, 0xd1000000);
	vtd_start(&run.vtd, run.qtest);
	map_all();
	note_places();
	repair();
}

static void act(void)
{
	switch (chance(64)) {
	case 0:
	case 1:
		write_descriptor();
		break;
	case 2:
		start_ring();
		break;
	case 3:
	case 4:
	case 5:
		read_register();
		run.others++;
		break;
	case 6:
		write_config();
		run.others++;
		break;
	case 7:
		write_message();
		run.others++;
		break;
	case 8:
	case 9:
		write_queue();
		run.others++;
		break;
	case 10:
		send("clock_step %u\n", chance(1000000));
		run.others++;
		break;
	default:
		write_register();
		break;
	}
}

static void fuzz(const struct lab_config *config, uint64_t wanted)
{
	while (run.writes < wanted) {
		uint64_t end = MIN(wanted, run.writes + ROUND_WRITES);
		unsigned int until_repair = 0;

		start_machine(config);
		while (run.writes < end) {
			if (!until_repair--) {
				repair();
				until_repair = 100 + chance(900);
			}
			act();
		}
		flush();
		qtest_stop(run.qtest);
	}
}

int main(int argc, char **argv)
{
	gint64 writes = 100000, started = g_get_monotonic_time();
	g_autofree char *seed = NULL;
	g_autofree char *keep = NULL;
	g_autofree char *why = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(lab_config) config = NULL;
	const GOptionEntry options[] = {
		{ "writes", 0, 0, G_OPTION_ARG_INT64, &writes, "register writes (100000)", "N" },
		{ "seed", 0, 0, G_OPTION_ARG_STRING, &seed, "begin of the random numbers", "N" },
		{ "keep", 0, 0, G_OPTION_ARG_FILENAME, &keep,
		  "where the last commands are written if QEMU breaks", "FILE" },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- registers of pcie-ats-testdev");

	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1 || writes <= 0) {
		g_printerr("fuzz_device: %s\n", error      ? error->message
						: argc > 1 ? "it takes no arguments"
							   : "--writes must be above 0");
		return 2;
	}
	config = qtest_config(&why);
	if (!config) {
		g_printerr("skipped: %s\n", why);
		return 77;
	}
	run.seed = seed ? g_ascii_strtoull(seed, NULL, 0)
			: (uint64_t)g_random_int() << 32 | g_random_int();
	run.keep = keep;
	run.fuzz.rand = g_rand_new_with_seed_array(
		(const guint32[]){ (guint32)run.seed, run.seed >> 32 }, 2);
	run.lines = g_string_new(NULL);
	g_queue_init(&run.log);
	qtest_on_break = tell;
	g_print("fuzz_device: seed 0x%" PRIx64 "\n", run.seed);
	fuzz(config, writes);
	g_print("fuzz_device: %" PRIu64 " register writes and %" PRIu64 " other actions in %" PRIu64
		" machines, %.1f s: nothing found\n",
		run.writes, run.others, run.machines, (g_get_monotonic_time() - started) / 1e6);
	g_rand_free(run.fuzz.rand);
	g_string_free(run.lines, TRUE);
	g_queue_clear_full(&run.log, g_free);
	return 0;
}
