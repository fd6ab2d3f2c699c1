// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines of the kernel log, as drivers of 6.1 to 7.3 write them, and lines that only look like them.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iommut/fault.h>

#include "lib/kmsg.h"
#include "tests/lib/fake_kernel.h"

/* What a line must give, as iommut_fault_format() says it; NULL for a line that is no fault. */
static const struct {
	const char *line;
	const char *fault;
} lines[] = {
	{ "DMAR: [DMA Write NO_PASID] Request device [0000:00:05.0] fault addr 0x10000000 [fault "
	  "reason 0x05] PTE Write access is not set",
	  "intel DMA fault of 0000:00:05.0 write at 0x10000000 reason 0x5: PTE Write access is not "
	  "set" },
	{ "DMAR: [DMA Read NO_PASID] Request device [00:05.0] fault addr 0xfffffffffffff000 [fault "
	  "reason 0x06] PTE Read access is not set",
	  "intel DMA fault of 0000:00:05.0 read at 0xfffffffffffff000 reason 0x6: PTE Read access "
	  "is not set" },
	{ "DMAR: [DMA Write PASID 0x7] Request device [0001:3a:1f.7] fault addr 0x1000 [fault "
	  "reason 0x71] SM: Present bit in first-level paging entry is clear",
	  "intel DMA fault of 0001:3a:1f.7 pasid 0x7 write at 0x1000 reason 0x71: SM: Present bit "
	  "in first-level paging entry is clear" },
	{ "DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr fd000000 [fault "
	  "reason 06] PTE Read access is not set",
	  "intel DMA fault of 0000:00:02.0 read at 0xfd000000 reason 0x6: PTE Read access is not "
	  "set" },
	{ "DMAR: [INTR-REMAP] Request device [0000:00:06.0] fault index 0x12 [fault reason 0x22] "
	  "Present field in the IRTE entry is clear",
	  "intel interrupt fault of 0000:00:06.0 at 0x12 reason 0x22: Present field in the IRTE "
	  "entry is clear" },
	{ "DMAR: DRHD: handling fault status reg 3", "intel overflow" },
	{ "DMAR: DRHD: handling fault status reg 2", NULL },
	{ "DMAR: IOMMU: dmar0: PRQ overflow detected", "intel overflow" },
	{ "DMAR: VT-d detected Invalidation Time-out Error: SID 0",
	  "intel command error: Invalidation Time-out Error: SID 0" },
	{ "vfio-pci 0000:00:05.0: Invalid page request: 00000001 00000000", "intel page request" },
	{ "DMAR: Host address width 39", NULL },
	{ "DMAR: [DMA Write NO_PASID] Request device [0000:00:05.0] fault addr 0x1 no reason",
	  NULL },
	{ "DMAR: [DMA Wipe NO_PASID] Request device [0000:00:05.0] fault addr 0x1 [fault reason "
	  "0x05] x",
	  NULL },
	{ "DMAR: [DMA Read NO_PASID] Request device [0000:00:45.0] fault addr 0x1 [fault reason "
	  "0x05] x",
	  NULL },
	{ "vfio-pci 0000:00:05.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0012 "
	  "address=0x10000000 flags=0x0020]",
	  "amd DMA fault of 0000:00:05.0 write at 0x10000000 reason 0x20: IO_PAGE_FAULT" },
	{ "AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:00:05.0 domain=0x0012 address=0x2000 "
	  "flags=0x0000]",
	  "amd DMA fault of 0000:00:05.0 read at 0x2000 reason 0x0: IO_PAGE_FAULT" },
	{ "AMD-Vi: Event logged [IO_PAGE_FAULT device=00:05.0 domain=0x0012 address=0x2000 "
	  "flags=0x0008]",
	  "amd interrupt fault of 0000:00:05.0 read at 0x2000 reason 0x8: IO_PAGE_FAULT" },
	{ "pci 0000:00:00.2: AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=0000:00:05.0 "
	  "pasid=0x00007 address=0xfee00000 flags=0x0a00]",
	  "amd DMA fault of 0000:00:05.0 pasid 0x7 read at 0xfee00000 reason 0xa00: "
	  "INVALID_DEVICE_REQUEST" },
	{ "pci 0000:00:00.2: AMD-Vi: Event logged [INVALID_PPR_REQUEST device=0000:00:05.0 "
	  "pasid=0x00001 address=0x1000 flags=0x0020 tag=0x001]",
	  "amd page request of 0000:00:05.0 pasid 0x1 write at 0x1000 reason 0x20: "
	  "INVALID_PPR_REQUEST" },
	{ "pci 0000:00:00.2: AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0000:00:05.0 "
	  "address=0x1000]",
	  "amd command error of 0000:00:05.0 at 0x1000: IOTLB_INV_TIMEOUT" },
	{ "pci 0000:00:00.2: AMD-Vi: Event logged [ILLEGAL_COMMAND_ERROR address=0x4000]",
	  "amd command error of 0000:00:00.2 at 0x4000: ILLEGAL_COMMAND_ERROR" },
	{ "AMD-Vi: IOMMU Event log restarting", "amd overflow" },
	{ "AMD-Vi: IOMMU GA Log restarting", "amd overflow" },
	{ "AMD-Vi: IOMMU event log overflow", "amd overflow" },
	{ "AMD-Vi: IOMMU 0000:00:00.2: Completion-Wait loop timed out", "amd command error" },
	{ "AMD-Vi: Command buffer timeout", "amd command error" },
	{ "AMD-Vi: Interrupt remapping enabled", NULL },
	{ "vfio-pci 0000:00:05.0: AMD-Vi: Event logged [RMP_HW_ERROR vmg_tag=0x0001, spa=0x1000, "
	  "flags=0x0020]",
	  "amd DMA fault of 0000:00:05.0 write reason 0x20: RMP_HW_ERROR" },
	{ "something: Event logged [IO_PAGE_FAULT]", NULL },
	{ "virtio_iommu virtio0: page fault from EP 40 at 0x10000000 [W]",
	  "virtio DMA fault of stream 0x28 write at 0x10000000: page" },
	{ "virtio_iommu virtio0: domain fault from EP 8",
	  "virtio DMA fault of stream 0x8: domain" },
	{ "virtio_iommu virtio0: unknown fault from EP 8 at 0x1 [RX]",
	  "virtio DMA fault of stream 0x8 read at 0x1: unknown" },
	{ "virtio_iommu virtio0: page fault from EP x", NULL },
	{ "riscv,iommu 3010000.iommu: Fault 15 devid: 0x28 iotval: 10000000 iotval2: 0",
	  "riscv DMA fault of stream 0x28 write at 0x10000000 reason 0xf" },
	{ "riscv,iommu 3010000.iommu: Fault 256 devid: 0x28 iotval: 10000000 iotval2: 0",
	  "riscv DMA fault of stream 0x28 at 0x10000000 reason 0x100" },
	{ "riscv,iommu 3010000.iommu: Fault devid: 0x28 iotval: 10000000 iotval2: 0", NULL },
	{ "arm-smmu 2b400000.iommu: Unhandled context fault: fsr=0x402, iova=0x00001000, "
	  "fsynr=0x11, cbfrsynra=0x408, cb=0",
	  "smmuv2 DMA fault of stream 0x408 write at 0x1000 reason 0x402" },
	{ "riscv,iommu 3010000.iommu: Queue #2 error; memory fault:0 overflow:1",
	  "riscv overflow" },
	{ "riscv,iommu 3010000.iommu: Queue #2 error; memory fault:1 overflow:0", "riscv event" },
	{ "riscv,iommu 3010000.iommu: Queue #1 error; fault:0 timeout:1 illegal:0 fence_w_ip:0",
	  "riscv command error" },
	{ "riscv,iommu 3010000.iommu: Hardware error: command execution timeout",
	  "riscv command error" },
	{ "nvme nvme0: command execution timeout", NULL },
	{ "arm-smmu 2b400000.iommu: Blocked unknown Stream ID 0x408; boot with "
	  "\"arm-smmu.disable_bypass=0\" to allow, but this may have security implications",
	  "smmuv2 DMA fault of stream 0x408" },
	{ "arm-smmu 2b400000.iommu: Unexpected global fault, this could be serious",
	  "smmuv2 event" },
	{ "arm-smmu-v3 arm-smmu-v3.0.auto: EVTQ overflow detected -- events lost",
	  "smmuv3 overflow: EVTQ overflow detected -- events lost" },
	{ "arm-smmu-v3 arm-smmu-v3.0.auto: PRIQ overflow detected -- requests lost",
	  "smmuv3 overflow: PRIQ overflow detected -- requests lost" },
	{ "arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x00000001 [hwprod 0x00000001, "
	  "hwcons 0x00000000]",
	  "smmuv3 command error: CMD_SYNC timeout at 0x00000001 [hwprod 0x00000001, hwcons "
	  "0x00000000]" },
	{ "arm-smmu-v3 arm-smmu-v3.0.auto: unexpected global error reported (0x00000001), this "
	  "could be serious",
	  "smmuv3 event: unexpected global error reported (0x00000001), this could be serious" },
	{ "apple-dart 681008000.iommu: translation fault: status:0x80000002 stream:1 code:0x2 (NO "
	  "PTE FOR IOVA) at 0x10000000",
	  "apple DMA fault at 0x10000000 reason 0x2" },
	{ "apple-dart 681008000.iommu: translation fault: status:0x80000008 stream:1 code:0x8 "
	  "(WRITE FAULT) at 0x10000000",
	  "apple DMA fault write at 0x10000000 reason 0x8" },
	{ "exynos-sysmmu 14650000.sysmmu: 14400000.fimc: [READ] PAGE FAULT occurred at 0x20000000",
	  "exynos DMA fault read at 0x20000000" },
	{ "mtk-iommu 14017000.iommu: fault type=0x280 iova=0x10000000 pa=0x0 master=0x108(larb=4 "
	  "port=2) layer=1 write",
	  "mediatek DMA fault write at 0x10000000 reason 0x280" },
	{ "mtk-iommu-v1 10205000.iommu: fault type=0x80 iova=0x1000 pa=0x0 larb=0 port=2",
	  "mediatek DMA fault at 0x1000 reason 0x80" },
	{ "Unexpected IOMMU page fault!", "msm DMA fault" },
	{ "omap-iommu 58882000.mmu: 58882000.mmu: errs:0x00000002 da:0x00001000 pgd:0x12345678 "
	  "*pgd:px00000000",
	  "omap DMA fault at 0x1000 reason 0x2" },
	{ "fsl-pamu: pamu_av_isr: access violation interrupt", "pamu DMA fault" },
	{ "ipmmu-vmsa e6740000.iommu: Unhandled fault: status 0x00000002 iova 0x1000",
	  "renesas DMA fault at 0x1000 reason 0x2" },
	{ "rk_iommu ff914000.iommu: Page fault at 0x0000000000001000 of type write",
	  "rockchip DMA fault write at 0x1000" },
	{ "rk_iommu ff914000.iommu: Page fault at nowhere of type write", NULL },
	{ "sun50i-iommu 30f0000.iommu: Page fault for 0x0000000000001000 (master 1, dir rd)",
	  "sun50i DMA fault read at 0x1000" },
	{ "tegra-mc 70019000.memory-controller: afir: read @0x0000000000001000: SMMU translation "
	  "error (EMEM address decode error [--S])",
	  "tegra DMA fault read at 0x1000" },
	{ "vsi_iommu fdca0000.iommu: unexpected int_status=00000001", "vsi DMA fault reason 0x1" },
	{ "vsi_iommu fdca0000.iommu: unexpected int_status=?", NULL },
	{ "arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x01000000): Illegal command",
	  "smmuv3 command error: Illegal command" },
	{ "arm-smmu-v3 arm-smmu-v3.0.auto: \tsid 0x00000008.0x00003: [1L] unprivileged RW access "
	  "at iova 0x0000000010000000",
	  "smmuv3 page request of stream 0x8 pasid 0x3 write at 0x10000000" },
	{ "e1000 0000:00:02.0 eth0: link up", NULL },
	{ "", NULL },
};

static void test_lines(void)
{
	struct iommut_fault_parser parser = { 0 };
	struct iommut_fault fault;
	char text[512];

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		int ret = iommut_fault_feed(&parser, lines[i].line, &fault);

		g_test_message("%s", lines[i].line);
		g_assert_cmpint(ret, ==, lines[i].fault != NULL);
		if (!ret)
			continue;
		iommut_fault_format(&fault, text, sizeof(text));
		g_assert_cmpstr(text, ==, lines[i].fault);
	}
}

static void test_fields(void)
{
	struct iommut_fault_parser parser = { 0 };
	struct iommut_fault fault;

	g_assert_cmpint(iommut_fault_feed(&parser, lines[0].line, &fault), ==, 1);
	g_assert_cmpuint(fault.fields, ==,
			 IOMMUT_FAULT_HAS_DEVICE | IOMMUT_FAULT_HAS_DOMAIN |
				 IOMMUT_FAULT_HAS_ADDRESS | IOMMUT_FAULT_HAS_DIRECTION |
				 IOMMUT_FAULT_HAS_REASON);
	g_assert_cmpint(iommut_fault_feed(&parser, lines[1].line, &fault), ==, 1);
	g_assert_false(fault.fields & IOMMUT_FAULT_HAS_DOMAIN);
	/* A stream ID is offered as an address, but not sworn to. */
	g_assert_cmpint(iommut_fault_feed(&parser,
					  "virtio_iommu virtio0: page fault from EP 43 at 0x1 [W]",
					  &fault),
			==, 1);
	g_assert_false(fault.fields & IOMMUT_FAULT_HAS_DEVICE);
	g_assert_cmpuint(fault.bdf.device, ==, 5);
	g_assert_cmpuint(fault.bdf.function, ==, 3);
	g_assert_null(iommut_fault_source_name((enum iommut_fault_source)77));
}

static void test_smmuv3_event(void)
{
	/*
	 * F_TRANSLATION of stream 0x28, a privileged read at 0x10000000 with substream 9; with
	 * other lines in between.
	 */
	static const char *const event[] = {
		"arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000002800009810",
		"e1000 0000:00:02.0 eth0: link up",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000a00000000",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \\x090x0000000010000000",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000",
		"arm-smmu-v3 arm-smmu-v3.0.auto: event: F_TRANSLATION client: 0000:00:05.0",
	};
	struct iommut_fault_parser parser = { 0 };
	struct iommut_fault fault;
	char text[256];

	for (size_t i = 0; i < G_N_ELEMENTS(event); i++)
		g_assert_cmpint(iommut_fault_feed(&parser, event[i], &fault), ==, i == 5);
	iommut_fault_format(&fault, text, sizeof(text));
	g_assert_cmpstr(text, ==,
			"smmuv3 DMA fault of stream 0x28 pasid 0x9 read at 0x10000000 reason 0x10: "
			"F_TRANSLATION");
	g_assert_true(fault.privileged);
	g_assert_false(fault.execute);
	/* Words without an event before them are nothing. */
	for (size_t i = 1; i < 6; i++)
		g_assert_cmpint(iommut_fault_feed(&parser, event[i], &fault), ==, 0);
}

/*
 * Whatever comes: no crash, terminated text, fields within bounds. Parts of real lines make the
 * random ones dangerous.
 */
static void test_random(void)
{
	struct iommut_fault_parser parser = { 0 };
	struct iommut_fault fault;
	char text[512];

	for (int i = 0; i < (g_test_slow() ? 200000 : 10000); i++) {
		const char *a = lines[g_test_rand_int_range(0, G_N_ELEMENTS(lines))].line;
		const char *b = lines[g_test_rand_int_range(0, G_N_ELEMENTS(lines))].line;
		char line[1200];
		size_t length;

		length = (size_t)g_snprintf(line, sizeof(line), "%.*s%s",
					    g_test_rand_int_range(0, (int)strlen(a) + 1), a,
					    b + g_test_rand_int_range(0, (int)strlen(b) + 1));
		for (int j = g_test_rand_int_range(0, 4); j && length; j--)
			line[g_test_rand_int_range(0, (int)length)] =
				(char)g_test_rand_int_range(1, 256);
		if (!iommut_fault_feed(&parser, line, &fault))
			continue;
		g_assert_cmpuint(strlen(fault.text), <, sizeof(fault.text));
		g_assert_cmpuint(fault.bdf.device, <, 32);
		g_assert_cmpuint(fault.bdf.function, <, 8);
		g_assert_cmpint(iommut_fault_format(&fault, text, sizeof(text)), <,
				(int)sizeof(text));
	}
}

static void test_record(void)
{
	static const char *const wrong[] = { "",         "6",
					     "6,1,2,-",  "6;x",
					     "6,1;x",    ",1,2,-;x",
					     "6,1,2x;x", "99999999999999999999,1,2,-;x" };
	static const char escaped[] =
		"30,5,123456,-,caller=T1;a\\x09b\\x00c\\xzz \\\n SUBSYSTEM=pci\n";
	struct iommut_kmsg_record record;
	g_autofree char *lengthy = g_strnfill(3000, 'y');
	g_autofree char *message = g_strconcat("6,1,2,-;", lengthy, NULL);

	g_assert_cmpint(iommut_kmsg_parse(escaped, strlen(escaped), &record), ==, 0);
	g_assert_cmpstr(record.text, ==, "a\tb c\\xzz \\");
	g_assert_cmpuint(record.level, ==, 6);
	g_assert_cmpuint(record.facility, ==, 3);
	g_assert_cmpuint(record.sequence, ==, 5);
	g_assert_cmpuint(record.timestamp_us, ==, 123456);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		g_assert_cmpint(iommut_kmsg_parse(wrong[i], strlen(wrong[i]), &record), ==,
				-EBADMSG);
	g_assert_cmpint(iommut_kmsg_parse(message, strlen(message), &record), ==, 0);
	g_assert_cmpuint(strlen(record.text), ==, sizeof(record.text) - 1);
}

static void queue(struct fake_kernel *kernel, struct iommut_kmsg *kmsg, const char *record)
{
	struct fake_fd *file = fake_kernel_fd(kernel, iommut_kmsg_fd(kmsg));

	g_strlcpy(file->queue, record, sizeof(file->queue));
	file->queued = strlen(record);
}

static void test_reader(void)
{
	struct iommut_kmsg_record record;
	struct iommut_fault fault;
	struct fake_kernel kernel;
	struct iommut_kmsg *kmsg;
	g_autofree char *line = g_strconcat("3,12,9,-;", lines[0].line, "\n", NULL);

	fake_kernel_init(&kernel, NULL);
	for (unsigned int i = 1; i <= 3; i++) {
		kernel.calls = 0;
		kernel.fail_at = i;
		g_assert_cmpint(kmsg_open_on(&kernel.sys, &kmsg, false), ==,
				i == 2 ? -ENOMEM : -EIO);
		g_assert_cmpuint(fake_kernel_open_files(&kernel), ==, 0);
	}
	kernel.missing = "/dev/kmsg";
	g_assert_cmpint(kmsg_open_on(&kernel.sys, &kmsg, true), ==, -EOPNOTSUPP);
	fake_kernel_init(&kernel, NULL);
	g_assert_cmpint(kmsg_open_on(&kernel.sys, &kmsg, true), ==, 0);
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, -ETIMEDOUT);
	g_assert_cmpint(iommut_kmsg_fault(kmsg, &fault, 0), ==, -ETIMEDOUT);
	queue(&kernel, kmsg, "6,10,1,-;hello\n");
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, 0);
	g_assert_cmpstr(record.text, ==, "hello");
	g_assert_cmpuint(record.lost, ==, 0);
	/* 11 to 14 were overwritten before they could be read. */
	queue(&kernel, kmsg, "6,15,1,-;later\n");
	kernel.fail_at = kernel.calls + 1;
	kernel.fail_with = -EPIPE;
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, 0);
	g_assert_cmpuint(record.lost, ==, 4);
	queue(&kernel, kmsg, line);
	g_assert_cmpint(iommut_kmsg_fault(kmsg, &fault, 0), ==, 0);
	g_assert_cmphex(fault.address, ==, 0x10000000);
	queue(&kernel, kmsg, line);
	g_assert_cmpint(iommut_kmsg_skip(kmsg), ==, 0);
	g_assert_cmpint(iommut_kmsg_fault(kmsg, &fault, 0), ==, -ETIMEDOUT);
	kernel.fail_at = kernel.calls + 1;
	kernel.fail_with = -EIO;
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, -EIO);
	iommut_kmsg_close(kmsg);
	iommut_kmsg_close(NULL);
	fake_kernel_assert_clean(&kernel);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fault/lines", test_lines);
	g_test_add_func("/fault/fields", test_fields);
	g_test_add_func("/fault/smmuv3-event", test_smmuv3_event);
	g_test_add_func("/fault/random", test_random);
	g_test_add_func("/kmsg/record", test_record);
	g_test_add_func("/kmsg/reader", test_reader);
	return g_test_run();
}
