// SPDX-License-Identifier: Apache-2.0
/* sequence COUNT PROGRAM: one after the other, forks, execs PROGRAM with its number, waits,
 * reports. */
#include <unistd.h>

#include "report.h"

int main(int argc, char **argv)
{
	static char text[1 << 16];
	char number[16];
	int i, count;

	check(argc == 3, "usage");
	count = atoi(argv[1]);
	setvbuf(stdout, text, _IOFBF, sizeof(text));
	for (i = 0; i < count; i++) {
		pid_t pid;

		snprintf(number, sizeof(number), "%d", i);
		pid = vfork();
		check(pid >= 0, "fork");
		if (!pid) {
			execl(argv[2], argv[2], number, NULL);
			_exit(BROKEN);
		}
		report_child(pid);
	}
	return 0;
}
