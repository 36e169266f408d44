// SPDX-License-Identifier: Apache-2.0
/* finish [NUMBER]: every tenth number ends by SIGTERM, the others with status NUMBER % 128. */
#include <signal.h>
#include <unistd.h>

#include "report.h"

int main(int argc, char **argv)
{
	int number = argc > 1 ? atoi(argv[1]) : 0;

	if (number % 10 == 9)
		kill(getpid(), SIGTERM);
	_exit(number % 128);
}
