// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Engines that lie, made of honest ones: the linker puts these functions before the engine's. The
 * conformance program built with one must fail on pcie-ats-testdev, or it proves nothing of honest
 * engines.
 */
#include "engines/engine.h"

#if defined(LIE_ERRORS)

/* Blocked or not, everything went well. */
int __real_engine_run(struct engine *engine, const struct engine_transfer *transfer,
		      struct engine_result *result);
int __wrap_engine_run(struct engine *engine, const struct engine_transfer *transfer,
		      struct engine_result *result);

int __wrap_engine_run(struct engine *engine, const struct engine_transfer *transfer,
		      struct engine_result *result)
{
	int error = __real_engine_run(engine, transfer, result);

	result->status = ENGINE_OK;
	return error;
}

#elif defined(LIE_ADDRESS)

/* The fault was a page further on. */
int __real_engine_run(struct engine *engine, const struct engine_transfer *transfer,
		      struct engine_result *result);
int __wrap_engine_run(struct engine *engine, const struct engine_transfer *transfer,
		      struct engine_result *result);

int __wrap_engine_run(struct engine *engine, const struct engine_transfer *transfer,
		      struct engine_result *result)
{
	int error = __real_engine_run(engine, transfer, result);

	result->address += 4096;
	return error;
}

#elif defined(LIE_LENGTH)

/* The last byte is not worth the effort. */
int __real_engine_write(struct engine *engine, uint64_t iova, const void *data, size_t length,
			struct engine_result *result);
int __wrap_engine_write(struct engine *engine, uint64_t iova, const void *data, size_t length,
			struct engine_result *result);

int __wrap_engine_write(struct engine *engine, uint64_t iova, const void *data, size_t length,
			struct engine_result *result)
{
	return __real_engine_write(engine, iova, data, length > 1 ? length - 1 : length, result);
}

#elif defined(LIE_READ)

/* Memory is all zeros, is it not? */
#include <string.h>

int __wrap_engine_read(struct engine *engine, uint64_t iova, void *data, size_t length,
		       struct engine_result *result);

int __wrap_engine_read(struct engine *engine, uint64_t iova, void *data, size_t length,
		       struct engine_result *result)
{
	memset(data, 0, length);
	memset(result, 0, sizeof(*result));
	result->status = ENGINE_OK;
	return 0;
}

#elif defined(LIE_DEPTH)

/* There is always room for one more. */
int __real_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device);
int __wrap_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device);

int __wrap_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device)
{
	int error = __real_engine_open(engine, driver, device);

	engine->queue_depth++;
	return error;
}

#elif defined(LIE_CLOSE)

/* Closing leaves the transfer to itself. */
int __real_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device);
int __wrap_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device);
void __wrap_engine_close(struct engine *engine);

int __wrap_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device)
{
	return engine->driver ? 0 : __real_engine_open(engine, driver, device);
}

void __wrap_engine_close(struct engine *engine)
{
}

#elif defined(LIE_REST)

/* Before anybody has asked for a transfer there is one. */
int __real_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device);
int __wrap_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device);

int __wrap_engine_open(struct engine *engine, const struct engine_driver *driver,
		       struct iommut_device *device)
{
	const struct engine_transfer early = {
		.operation = ENGINE_OP_FILL, .pasid = IOMMUT_NO_PASID, .iova = 0x280000, .length = 4
	};
	int error = __real_engine_open(engine, driver, device);
	struct engine_result result;

	return error ? error : engine_run(engine, &early, &result);
}

#else
#error "which lie?"
#endif
