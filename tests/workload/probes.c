// SPDX-License-Identifier: Apache-2.0
/*
 * probes TIMES [wait]: hits each USDT probe of provider "test" TIMES times at each of its sites;
 * with "wait" it prints "ready" and goes on after a byte came from standard input. Prints what
 * those who watch wrote, in sum:
 *
 *	set N           into the 4 bytes of probe set
 *	table N         into the 4 bytes of probe table, which are an element of an array
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sdt.h>
#include <unistd.h>

#include "report.h"

struct inner {
	const char *text;
	int32_t values[3];
};

struct outer {
	int64_t number;
	struct inner *inner;
};

#define NOINLINE __attribute__((noipa))

static volatile int32_t counter;
static volatile int32_t elements[64];
/* Of its pages no one has looked at any, so that none is in memory. */
static volatile int32_t untouched[4096] __attribute__((aligned(4096)));
static const char *const volatile texts[] = {"first", "second", "memory"};

/* Two sites that have their arguments in the same registers, as they are functions alike. */
NOINLINE static void first(long number, const char *text, int8_t small)
{
	DTRACE_PROBE3(test, many, number, text, small);
}

NOINLINE static void second(long number, const char *text, int8_t small)
{
	DTRACE_PROBE3(test, many, number, text, small);
}

/* Memory, and constants. */
NOINLINE static void third(void)
{
	volatile long number = -3;
	const char *volatile text = texts[2];

	DTRACE_PROBE3(test, many, number, text, 7);
}

NOINLINE static void numbers(void)
{
	volatile int8_t s8 = -1;
	volatile uint8_t u8 = UINT8_MAX;
	volatile int16_t s16 = INT16_MIN;
	volatile uint16_t u16 = UINT16_MAX;
	volatile int32_t s32 = INT32_MIN;
	volatile uint32_t u32 = UINT32_MAX;
	volatile int64_t s64 = INT64_MIN;
	volatile uint64_t u64 = UINT64_MAX;

	DTRACE_PROBE8(test, memory, s8, u8, s16, u16, s32, u32, s64, u64);
	DTRACE_PROBE8(test, constants, (int8_t)-1, (uint8_t)255, (int16_t)-32768, (uint16_t)65535,
		      INT32_MIN, UINT32_MAX, INT64_MIN, UINT64_MAX);
}

/* Variables of the program, wherever it is in memory. */
NOINLINE static void variables(int number)
{
	counter = number;
	elements[number % 64] = 2 * number;
	DTRACE_PROBE3(test, variables, counter, elements[number % 64], 0.5);
}

NOINLINE static int set(int number)
{
	volatile int32_t answer = 0;

	DTRACE_PROBE2(test, set, answer, number);
	return answer;
}

NOINLINE static int table(int number)
{
	elements[number % 64] = 0;
	DTRACE_PROBE2(test, table, elements[number % 64], number);
	return elements[number % 64];
}

NOINLINE static void others(int number)
{
	volatile int64_t wide = number;
	struct inner inner = {.text = texts[0], .values = {number, number + 1, number + 2}};
	struct outer outer = {.number = -number, .inner = &inner};

	DTRACE_PROBE1(test, wide, wide);
	DTRACE_PROBE1(test, structure, &outer);
	DTRACE_PROBE1(test, in_register, number);
	DTRACE_PROBE(test, empty);
	DTRACE_PROBE1(test, untouched, untouched[2048]);
	DTRACE_PROBE12(test, twelve, number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
	DTRACE_PROBE2(test, text_and_length, texts[2], (long)number);
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 1;
	long set_to = 0, table_to = 0;
	char byte;

	if (argc > 2) {
		puts("ready");
		fflush(stdout);
		check(read(STDIN_FILENO, &byte, 1) == 1, "read");
	}
	for (int place = 0; place < 3; place++)
		check(*(volatile const char *)texts[place], "text");
	for (int number = 0; number < times; number++) {
		first(number, texts[0], -5);
		second(number, texts[1], 5);
		third();
		numbers();
		variables(number);
		set_to += set(number);
		table_to += table(number);
		others(number);
	}
	printf("set %ld\ntable %ld\n", set_to, table_to);
	return 0;
}
