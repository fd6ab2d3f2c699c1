// SPDX-License-Identifier: GPL-2.0-or-later
/* Only preprocessed: which macros the headers of this build define. */
#include <linux/iommufd.h>
#include <linux/vfio.h>
