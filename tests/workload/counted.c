// SPDX-License-Identifier: Apache-2.0
/*
 * libcounted.so: a USDT probe with a semaphore, in a library.
 *
 * hit(TIMES) passes the probe so often if somebody watches, and returns how often that was.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

unsigned short test_counted_semaphore __attribute__((section(".probes")));
static volatile int total;

int hit(int times)
{
	int hits = 0;

	for (int number = 0; number < times; number++) {
		total++;
		if (*(volatile unsigned short *)&test_counted_semaphore) {
			DTRACE_PROBE2(test, counted, number, total);
			hits++;
		}
	}
	return hits;
}
