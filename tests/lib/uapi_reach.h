/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_UAPI_REACH_H
#define TESTS_LIB_UAPI_REACH_H

#include <stdint.h>

/* A value goes in through a typed call or an object; what the kernel then finds comes back. */
uint64_t reach_map_flags(uint64_t value);
uint64_t reach_option_set(uint64_t value);
uint64_t reach_option_operation(uint64_t value);
uint64_t reach_vfio_ioas(uint64_t value);
uint64_t reach_hwpt_flags(uint64_t value);
uint64_t reach_hwpt_data(uint64_t value);
uint64_t reach_hwpt_vtd_flags(uint64_t value);
uint64_t reach_hw_info_input(uint64_t value);
uint64_t reach_dirty_on(uint64_t value);
uint64_t reach_dirty_read(uint64_t value);
uint64_t reach_invalidate(uint64_t value);
uint64_t reach_invalidate_flags(uint64_t value);
uint64_t reach_viommu(uint64_t value);
uint64_t reach_veventq(uint64_t value);
uint64_t reach_hw_queue(uint64_t value);
uint64_t reach_extension(uint64_t value);
uint64_t reach_irq_set(uint64_t value);
uint64_t reach_irq_index(uint64_t value);
uint64_t reach_region_index(uint64_t value);
uint64_t reach_gfx(uint64_t value);
uint64_t reach_ioeventfd(uint64_t value);
uint64_t reach_feature_flags(uint64_t value);
uint64_t reach_bus_master(uint64_t value);
uint64_t reach_migration_state(uint64_t value);
uint64_t reach_bind_flags(uint64_t value);
uint64_t reach_attach_flags(uint64_t value);
uint64_t reach_detach_flags(uint64_t value);
uint64_t reach_vfio_map_flags(uint64_t value);
uint64_t reach_vfio_unmap_flags(uint64_t value);
uint64_t reach_dirty_pages(uint64_t value);

/* The kernel gives a value; what the library makes of it comes back. */
uint64_t reach_hw_type(uint64_t value);
uint64_t reach_hw_capabilities(uint64_t value);
uint64_t reach_device_flags(uint64_t value);
uint64_t reach_device_capability(uint64_t value);
uint64_t reach_atomics(uint64_t value);
uint64_t reach_region_flags(uint64_t value);
uint64_t reach_region_capability(uint64_t value);
uint64_t reach_region_type(uint64_t value);
uint64_t reach_region_subtype(uint64_t value);
uint64_t reach_irq_flags(uint64_t value);
uint64_t reach_iommu_capability(uint64_t value);

#endif /* TESTS_LIB_UAPI_REACH_H */
