// SPDX-License-Identifier: GPL-2.0-or-later
/* A test of others for check_bisect: a kernel whose release has a "!" in it is bad. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

int main(void)
{
	struct utsname name;

	if (uname(&name) != 0)
		return 4;
	printf("%s\n", name.release);
	return strchr(name.release, '!') ? 1 : 0;
}
