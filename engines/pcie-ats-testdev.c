// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The engine of our own test device: docs/testdev.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/vfio.h>

#include <iommut/region.h>

#include "engines/drivers.h"
#include "engines/testdev.h"

/* A transfer of 1 MiB in pages takes milliseconds under emulation; a second is a hang. */
#define DEADLINE_MS 2000

struct testdev {
	struct iommut_region *bar;
	struct iommut_region *memory_bar;
	volatile uint8_t *registers;
	uint8_t *buffer;
	struct engine_transfer running;
	bool busy;
};

bool testdev_is(const struct engine *engine)
{
	return engine->driver == &engine_testdev;
}

uint32_t testdev_get32(struct engine *engine, uint32_t offset)
{
	struct testdev *testdev = engine->state;

	return *(volatile uint32_t *)(testdev->registers + offset);
}

/* Two halves: not every machine lets one access of 64 bits through to a device. */
uint64_t testdev_get64(struct engine *engine, uint32_t offset)
{
	uint64_t low = testdev_get32(engine, offset);

	return low | (uint64_t)testdev_get32(engine, offset + 4) << 32;
}

void testdev_set32(struct engine *engine, uint32_t offset, uint32_t value)
{
	struct testdev *testdev = engine->state;

	*(volatile uint32_t *)(testdev->registers + offset) = value;
}

void testdev_set64(struct engine *engine, uint32_t offset, uint64_t value)
{
	testdev_set32(engine, offset, (uint32_t)value);
	testdev_set32(engine, offset + 4, (uint32_t)(value >> 32));
}

/* Polls a counting or state register until it lies in a range. */
static int wait_register(struct engine *engine, uint32_t offset, uint32_t low, uint32_t high,
			 int timeout_ms)
{
	const struct timespec pause = { 0, 20000 };
	int64_t end = engine_now_ms() + timeout_ms;

	for (;;) {
		uint32_t value = testdev_get32(engine, offset);

		if (value == UINT32_MAX)
			return -ENODEV;
		if (value >= low && value <= high)
			return 0;
		if (engine_now_ms() > end)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

/* Ends what runs, and waits until it has: the device takes no new transfer before. */
static int come_to_rest(struct engine *engine, uint32_t control)
{
	int storm, single;

	testdev_set32(engine, TESTDEV_MISBEHAVE, 0);
	storm = testdev_storm_stop(engine, NULL, NULL);
	testdev_set32(engine, TESTDEV_RING_COUNT, 0);
	testdev_set32(engine, TESTDEV_CONTROL,
		      control | TESTDEV_CONTROL_ABORT | TESTDEV_CONTROL_FLUSH);
	single = wait_register(engine, TESTDEV_START, 0, 0, DEADLINE_MS);
	return storm ? storm : single;
}

static bool probe(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	return vendor == TESTDEV_VENDOR &&
	       (device == TESTDEV_DEVICE || device == TESTDEV_VF_DEVICE);
}

static void remove_engine(struct engine *engine)
{
	struct testdev *testdev = engine->state;

	if (testdev->registers) {
		/* A device that is gone or stuck has nobody left to tell. */
		(void)come_to_rest(engine, 0);
		iommut_region_unmap(testdev->bar, (void *)testdev->registers,
				    TESTDEV_REGISTERS_SIZE);
	}
	if (testdev->buffer)
		iommut_region_unmap(testdev->memory_bar, testdev->buffer, engine->buffer_size);
	iommut_region_close(testdev->memory_bar);
	iommut_region_close(testdev->bar);
	free(testdev);
	engine->state = NULL;
}

static uint32_t capabilities_of(uint32_t device)
{
	static const struct {
		uint32_t device, engine;
	} table[] = {
		{ TESTDEV_CAP_RING, ENGINE_RING },
		{ TESTDEV_CAP_ATS, ENGINE_ATS },
		{ TESTDEV_CAP_PRI, ENGINE_PRI },
		{ TESTDEV_CAP_PASID, ENGINE_PASID },
		{ TESTDEV_CAP_MSI, ENGINE_MSI },
		{ TESTDEV_CAP_MSIX, ENGINE_MSIX },
		{ TESTDEV_CAP_INTX, ENGINE_INTX },
		{ TESTDEV_CAP_MEMORY_BAR, ENGINE_MEMORY_BAR },
		{ TESTDEV_CAP_ATOMIC, ENGINE_ATOMIC },
	};
	uint32_t capabilities = ENGINE_READ | ENGINE_WRITE | ENGINE_COPY | ENGINE_FILL |
				ENGINE_SEES_ERRORS | ENGINE_EXACT_ADDRESS | ENGINE_STORM |
				ENGINE_MESSAGE | ENGINE_BUS_MASTER;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (device & table[i].device)
			capabilities |= table[i].engine;
	return capabilities;
}

static int map_registers(struct engine *engine, struct testdev *testdev)
{
	void *address;
	int error;

	error = iommut_region_open(&testdev->bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);
	if (error)
		return error;
	error = iommut_region_map(testdev->bar, 0, TESTDEV_REGISTERS_SIZE, &address);
	if (error)
		return error;
	testdev->registers = address;
	if (testdev_get32(engine, TESTDEV_VERSION) != TESTDEV_VERSION_VALUE)
		return -ENODEV;
	return 0;
}

/* The buffer is in a BAR of its own, which is mapped when it is used first: not every transfer needs it. */
static int map_buffer(struct engine *engine)
{
	struct testdev *testdev = engine->state;
	void *address;
	int error;

	if (testdev->buffer)
		return 0;
	if (!testdev->memory_bar) {
		error = iommut_region_open(&testdev->memory_bar, engine->device,
					   VFIO_PCI_BAR2_REGION_INDEX);
		if (error)
			return error;
	}
	error = iommut_region_map(testdev->memory_bar, 0, engine->buffer_size, &address);
	if (!error)
		testdev->buffer = address;
	return error;
}

static int init(struct engine *engine)
{
	struct testdev *testdev = calloc(1, sizeof(*testdev));
	int error;

	if (!testdev)
		return -ENOMEM;
	engine->state = testdev;
	error = map_registers(engine, testdev);
	if (error) {
		remove_engine(engine);
		return error;
	}
	engine->capabilities = capabilities_of(testdev_get32(engine, TESTDEV_CAPABILITIES));
	engine->max_length = testdev_get32(engine, TESTDEV_MAX_LENGTH);
	engine->buffer_size = testdev_get32(engine, TESTDEV_BUFFER_SIZE);
	engine->dma_mask = UINT64_MAX;
	engine->deadline_ms = DEADLINE_MS;
	error = come_to_rest(engine, TESTDEV_CONTROL_CLEAR_COUNTERS);
	if (error)
		remove_engine(engine);
	return error;
}

static uint32_t device_operation(const struct engine_transfer *transfer)
{
	static const uint8_t operations[] = {
		[ENGINE_OP_READ] = TESTDEV_OP_READ,
		[ENGINE_OP_WRITE] = TESTDEV_OP_WRITE,
		[ENGINE_OP_COPY] = TESTDEV_OP_COPY,
		[ENGINE_OP_FILL] = TESTDEV_OP_FILL,
		[ENGINE_OP_FETCH_ADD] = TESTDEV_OP_FETCH_ADD,
		[ENGINE_OP_COMPARE_SWAP] = TESTDEV_OP_COMPARE_SWAP,
		[ENGINE_OP_TRANSLATE] = TESTDEV_OP_TRANSLATE,
	};
	static const struct {
		uint32_t engine, device;
	} flags[] = {
		{ ENGINE_PRIVILEGED, TESTDEV_FLAG_PRIVILEGED },
		{ ENGINE_EXECUTE, TESTDEV_FLAG_EXECUTE },
		{ ENGINE_TRANSLATED, TESTDEV_FLAG_TRANSLATED },
		{ ENGINE_FORGED, TESTDEV_FLAG_FORGED },
		{ ENGINE_PAGE_REQUEST, TESTDEV_FLAG_PAGE_REQUEST },
		{ ENGINE_INTERRUPT, TESTDEV_FLAG_INTERRUPT },
		{ ENGINE_FOR_WRITE, TESTDEV_FLAG_WRITE },
	};
	uint32_t word = operations[transfer->operation];

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (transfer->flags & flags[i].engine)
			word |= flags[i].device;
	if (transfer->pasid != IOMMUT_NO_PASID)
		word |= TESTDEV_FLAG_PASID;
	return word;
}

/* What this very device can do: the device itself would only say so in a result. */
static int check(const struct engine *engine, const struct engine_transfer *transfer)
{
	bool translates = transfer->operation == ENGINE_OP_TRANSLATE;

	if ((unsigned int)transfer->operation > ENGINE_OP_TRANSLATE)
		return -EOPNOTSUPP;
	if (transfer->pasid != IOMMUT_NO_PASID && !(engine->capabilities & ENGINE_PASID))
		return -EOPNOTSUPP;
	if ((translates || transfer->flags & ENGINE_TRANSLATED) &&
	    !(engine->capabilities & ENGINE_ATS))
		return -EOPNOTSUPP;
	if (transfer->pasid != IOMMUT_NO_PASID && transfer->pasid > IOMMUT_PASID_MAX)
		return -EINVAL;
	if (transfer->length > engine->max_length || (!transfer->length && !translates))
		return -EINVAL;
	if ((transfer->operation == ENGINE_OP_READ || transfer->operation == ENGINE_OP_WRITE) &&
	    (transfer->buffer > engine->buffer_size ||
	     transfer->length > engine->buffer_size - transfer->buffer))
		return -EINVAL;
	if (transfer->length && transfer->iova + transfer->length - 1 < transfer->iova)
		return -EINVAL;
	return 0;
}

int testdev_prepare(struct engine *engine, const struct engine_transfer *transfer)
{
	const uint32_t at = TESTDEV_TRANSFER;
	int error = check(engine, transfer);

	if (error)
		return error;
	testdev_set32(engine, at + TESTDEV_DESC_OPERATION, device_operation(transfer));
	testdev_set32(engine, at + TESTDEV_DESC_PASID,
		      transfer->pasid == IOMMUT_NO_PASID ? 0 : transfer->pasid);
	testdev_set64(engine, at + TESTDEV_DESC_IOVA, transfer->iova);
	testdev_set64(engine, at + TESTDEV_DESC_TARGET, transfer->target);
	testdev_set32(engine, at + TESTDEV_DESC_LENGTH, transfer->length);
	testdev_set32(engine, at + TESTDEV_DESC_STRIDE, transfer->stride);
	testdev_set64(engine, at + TESTDEV_DESC_OPERAND, transfer->operand);
	testdev_set64(engine, at + TESTDEV_DESC_SWAP, transfer->swap);
	testdev_set32(engine, at + TESTDEV_DESC_REPEAT, transfer->repeat);
	testdev_set32(engine, at + TESTDEV_DESC_VECTOR, transfer->vector);
	testdev_set32(engine, at + TESTDEV_DESC_BUFFER, transfer->buffer);
	return 0;
}

static int start(struct engine *engine, const struct engine_transfer *transfer)
{
	struct testdev *testdev = engine->state;
	int error;

	if (testdev->busy)
		return -EBUSY;
	error = testdev_prepare(engine, transfer);
	if (error)
		return error;
	testdev->running = *transfer;
	testdev->busy = true;
	/* What the CPU wrote to memory is there before the device looks. */
	__sync_synchronize();
	testdev_set32(engine, TESTDEV_START, 1);
	return 0;
}

static int status_of(uint32_t device, enum engine_status *status)
{
	switch (device) {
	case TESTDEV_STATUS_OK:
		*status = ENGINE_OK;
		return 0;
	case TESTDEV_STATUS_BLOCKED:
		*status = ENGINE_BLOCKED;
		return 0;
	case TESTDEV_STATUS_NO_TRANSLATION:
		*status = ENGINE_NO_TRANSLATION;
		return 0;
	case TESTDEV_STATUS_ABORTED:
		*status = ENGINE_ABORTED;
		return 0;
	case TESTDEV_STATUS_DISABLED:
		*status = ENGINE_DISABLED;
		return 0;
	case TESTDEV_STATUS_REFUSED:
		*status = ENGINE_REFUSED;
		return 0;
	case TESTDEV_STATUS_BAD_DESCRIPTOR:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int poll_transfer(struct engine *engine, struct engine_result *result)
{
	struct testdev *testdev = engine->state;
	const uint32_t at = TESTDEV_RESULT;
	uint32_t started;

	if (!testdev->busy)
		return -EINVAL;
	started = testdev_get32(engine, TESTDEV_START);
	if (started == UINT32_MAX)
		return -ENODEV;
	if (started)
		return -EAGAIN;
	/* Where nothing answers some machines read zeros, QEMU for one: they would look like success. */
	if (testdev_get32(engine, TESTDEV_VERSION) != TESTDEV_VERSION_VALUE)
		return -ENODEV;
	__sync_synchronize();
	testdev->busy = false;
	memset(result, 0, sizeof(*result));
	result->bytes = testdev_get64(engine, at + TESTDEV_RESULT_BYTES);
	result->address = testdev_get64(engine, at + TESTDEV_RESULT_ADDRESS);
	result->value = testdev_get64(engine, at + TESTDEV_RESULT_VALUE);
	result->length = testdev_get32(engine, at + TESTDEV_RESULT_LENGTH);
	/* The bits are those of enum iommut_access. */
	result->permission = testdev_get32(engine, at + TESTDEV_RESULT_PERMISSION);
	return status_of(testdev_get32(engine, at + TESTDEV_RESULT_STATUS), &result->status);
}

static int load(struct engine *engine, uint32_t offset, const void *data, size_t length)
{
	struct testdev *testdev = engine->state;
	int error;

	if (offset > engine->buffer_size || length > engine->buffer_size - offset)
		return -EINVAL;
	error = map_buffer(engine);
	if (!error)
		memcpy(testdev->buffer + offset, data, length);
	return error;
}

static int store(struct engine *engine, uint32_t offset, void *data, size_t length)
{
	struct testdev *testdev = engine->state;
	int error;

	if (offset > engine->buffer_size || length > engine->buffer_size - offset)
		return -EINVAL;
	error = map_buffer(engine);
	if (!error)
		memcpy(data, testdev->buffer + offset, length);
	return error;
}

static int interrupt(struct engine *engine, uint32_t vector)
{
	uint32_t vectors = testdev_get32(engine, TESTDEV_VECTORS);

	/* The device has as many as its larger kind, and INTx one. */
	if (vector && vector >= (vectors & 0xff) && vector >= (vectors >> 8 & 0xff))
		return -EINVAL;
	testdev_set32(engine, TESTDEV_INTERRUPT, vector);
	return 0;
}

static int abort_transfer(struct engine *engine)
{
	testdev_set32(engine, TESTDEV_CONTROL,
		      testdev_get32(engine, TESTDEV_CONTROL) | TESTDEV_CONTROL_ABORT);
	return 0;
}

int testdev_storm(struct engine *engine, const struct engine_transfer *transfer, uint32_t pause_us)
{
	int error = testdev_prepare(engine, transfer);

	if (error)
		return error;
	testdev_set32(engine, TESTDEV_STORM_PAUSE, pause_us);
	__sync_synchronize();
	testdev_set32(engine, TESTDEV_STORM, 1);
	return 0;
}

int testdev_storm_stop(struct engine *engine, uint64_t *done, uint64_t *blocked)
{
	int error;

	testdev_set32(engine, TESTDEV_STORM, 0);
	error = wait_register(engine, TESTDEV_STORM, 0, 0, DEADLINE_MS);
	if (done)
		*done = testdev_get64(engine, TESTDEV_STORM_OK);
	if (blocked)
		*blocked = testdev_get64(engine, TESTDEV_STORM_BLOCKED);
	return error;
}

int testdev_page_request(struct engine *engine, uint64_t iova, uint32_t pasid, uint32_t group,
			 uint32_t flags)
{
	testdev_set64(engine, TESTDEV_PRI_IOVA, iova);
	testdev_set32(engine, TESTDEV_PRI_PASID,
		      pasid == IOMMUT_NO_PASID ? TESTDEV_NO_PASID : pasid);
	testdev_set32(engine, TESTDEV_PRI_GROUP, group);
	testdev_set32(engine, TESTDEV_PRI_SEND, flags);
	return (int32_t)testdev_get32(engine, TESTDEV_PRI_SEND);
}

int testdev_page_response(struct engine *engine, uint32_t index, int timeout_ms, uint32_t *response,
			  uint32_t *pasid)
{
	int error =
		wait_register(engine, TESTDEV_PRI_RESPONSES, index + 1, UINT32_MAX - 1, timeout_ms);

	if (error)
		return error;
	testdev_set32(engine, TESTDEV_PRI_INDEX, index);
	*response = testdev_get32(engine, TESTDEV_PRI_RESPONSE);
	if (pasid)
		*pasid = testdev_get32(engine, TESTDEV_PRI_RESPONSE_PASID);
	return 0;
}

void testdev_tlb_query(struct engine *engine, uint64_t iova, uint32_t pasid,
		       struct testdev_translation *translation)
{
	uint32_t flags;

	testdev_set64(engine, TESTDEV_TLB_QUERY_IOVA, iova);
	testdev_set32(engine, TESTDEV_TLB_QUERY_PASID,
		      pasid == IOMMUT_NO_PASID ? TESTDEV_NO_PASID : pasid);
	flags = testdev_get32(engine, TESTDEV_TLB_QUERY_FLAGS);
	translation->held = flags & 1;
	translation->permission = flags >> 1 & IOMMUT_RW;
	translation->address = testdev_get64(engine, TESTDEV_TLB_QUERY_VALUE);
}

int testdev_invalidation(struct engine *engine, uint32_t index,
			 struct testdev_invalidation *invalidation)
{
	uint32_t count = testdev_get32(engine, TESTDEV_INVAL_COUNT);

	if (index >= count || index >= TESTDEV_INVAL_RECORDS)
		return -ENOENT;
	testdev_set32(engine, TESTDEV_INVAL_INDEX, index);
	invalidation->iova = testdev_get64(engine, TESTDEV_INVAL_IOVA);
	invalidation->length = testdev_get64(engine, TESTDEV_INVAL_LENGTH);
	invalidation->pasid = testdev_get32(engine, TESTDEV_INVAL_PASID);
	if (invalidation->pasid == TESTDEV_NO_PASID)
		invalidation->pasid = IOMMUT_NO_PASID;
	invalidation->dropped = testdev_get32(engine, TESTDEV_INVAL_DROPPED);
	return 0;
}

const struct engine_driver engine_testdev = {
	.name = "pcie-ats-testdev",
	.description = "iommutests' own test device for QEMU (1234:11e9)",
	.probe = probe,
	.init = init,
	.remove = remove_engine,
	.start = start,
	.poll = poll_transfer,
	.load = load,
	.store = store,
	.interrupt = interrupt,
	.abort = abort_transfer,
	.scratch = TESTDEV_SCRATCH,
};
