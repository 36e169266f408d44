// SPDX-License-Identifier: Apache-2.0
/*
 * demo: hits the USDT probes test:usdt3 (-7, 1 << 40) and tetragon:test_4B (1, 2, 3), whose first
 * argument is in memory; exits with what is there afterwards.
 */
#include <stdint.h>
#include <sys/sdt.h>

int main(void)
{
	volatile int32_t first = -7;
	volatile int64_t second = 1L << 40;
	volatile int32_t answer = 1;

	DTRACE_PROBE2(test, usdt3, first, second);
	DTRACE_PROBE3(tetragon, test_4B, answer, 2, 3);
	return answer;
}
