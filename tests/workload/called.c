// SPDX-License-Identifier: Apache-2.0
/*
 * called TIMES [wait]: calls each function below TIMES times; with "wait" after
 * a byte came from standard input. Prints what the calls came to:
 *
 *	allowed N       calls of may() that returned 0
 *	refused N       calls of may() that returned -1
 *	swapped N       calls of may() that returned what other() returns
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "report.h"

#define FUNCTION __attribute__((noipa))

struct inner {
	int16_t number;
	const char *name;
};

struct outer {
	int64_t before;
	struct inner *inner;
};

FUNCTION long numbers(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, int64_t f)
{
	return a + b + c + d + e + f;
}

FUNCTION const char *text(const char *given)
{
	return given + 1;
}

FUNCTION size_t bytes(const void *given, size_t size)
{
	return given ? size : 0;
}

FUNCTION int list(const struct iovec *given, int count)
{
	return given ? count : 0;
}

FUNCTION int of_struct(const struct outer *given)
{
	return given->inner->number;
}

/* Text that is in no page of this process yet. */
FUNCTION int cold(const char *given)
{
	return given != NULL;
}

FUNCTION int deep(int levels)
{
	volatile int below = levels ? deep(levels - 1) : -1;

	return below + 1;
}

FUNCTION int may(int number)
{
	return number < 0;
}

FUNCTION int other(int number)
{
	return number + 7;
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 1;
	int allowed = 0, refused = 0, swapped = 0;
	int self = open("/proc/self/exe", O_RDONLY);
	char byte;

	check(self >= 0, "open");
	if (argc > 2)
		check(read(STDIN_FILENO, &byte, 1) == 1, "read");
	for (int number = 0; number < times; number++) {
		struct inner inner = {-7, "inner"};
		struct outer outer = {1, &inner};
		struct iovec parts[] = {{"one", 3}, {"two", 3}};
		char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, self, 0);
		int answer;

		check(page != MAP_FAILED, "mmap");
		numbers(-8, 200, -16000, 60000, -32000000, -64000000000L);
		text("given");
		bytes("some\0bytes", 10);
		list(parts, 2);
		of_struct(&outer);
		check(madvise(page, 4096, MADV_DONTNEED) == 0, "madvise");
		cold(page + 1);
		check(munmap(page, 4096) == 0, "munmap");
		deep(3);
		answer = may(number);
		allowed += answer == 0;
		refused += answer == -1;
		swapped += answer == number + 7;
	}
	printf("allowed %d\nrefused %d\nswapped %d\n", allowed, refused, swapped);
	return 0;
}
