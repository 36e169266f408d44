// SPDX-License-Identifier: Apache-2.0
/* The compressed archive behind this program in its own file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "launcher.h"

#define INCOMPLETE "this file is not complete, or damaged: download it again"

void open_payload(struct payload *payload)
{
	struct trailer *trailer = &payload->trailer;
	struct stat found;
	off_t end;

	payload->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (payload->fd < 0)
		fail("cannot read its own file (/proc/self/exe): %s; is /proc mounted?",
		     strerror(errno));
	if (fstat(payload->fd, &found) != 0)
		fail("cannot read its own file: %s", strerror(errno));
	end = found.st_size - (off_t)sizeof(*trailer);
	if (end < 0 || pread(payload->fd, trailer, sizeof(*trailer), end) != sizeof(*trailer))
		fail(INCOMPLETE);
	if (memcmp(trailer->magic, MAGIC, sizeof(trailer->magic)) != 0 ||
	    trailer->packed_size > (uint64_t)end)
		fail(INCOMPLETE);
	payload->offset = (uint64_t)end - trailer->packed_size;
	for (int i = 0; i < TREE_NAME_LENGTH / 2; i++)
		sprintf(payload->name + 2 * i, "%02x", trailer->sha256[i]);
}

char *unpack_payload(const struct payload *payload)
{
	const struct trailer *trailer = &payload->trailer;
	uint64_t page = payload->offset & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
	size_t before = payload->offset - page;
	char *packed, *tree;
	size_t size;

	tree = mmap(NULL, trailer->tree_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	packed = mmap(NULL, trailer->packed_size + before, PROT_READ, MAP_PRIVATE, payload->fd,
		      (off_t)page);
	if (tree == MAP_FAILED || packed == MAP_FAILED)
		fail("cannot unpack itself: %s; that takes %u MB of memory", strerror(errno),
		     (unsigned)((trailer->tree_size + trailer->packed_size) / 1000000 + 1));
	/* The frame has a checksum, which is compared here. */
	size = ZSTD_decompress(tree, trailer->tree_size, packed + before, trailer->packed_size);
	if (ZSTD_isError(size) || size != trailer->tree_size)
		fail(INCOMPLETE);
	munmap(packed, trailer->packed_size + before);
	return tree;
}
