// SPDX-License-Identifier: Apache-2.0
/* emptyargs PROGRAM: execs PROGRAM with argc 0. */
#include <unistd.h>

#include "report.h"

int main(int argc, char **argv)
{
	char *none[] = {NULL};

	check(argc == 2, "usage");
	execv(argv[1], none);
	check(0, argv[1]);
}
