/* SPDX-License-Identifier: Apache-2.0 */
/* io_uring by its system calls: one request after the other, each awaited. */
#ifndef URING_H
#define URING_H

#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

struct uring {
	int fd;
	struct io_uring_sqe *entries;
	char *submitted, *completed;
	struct io_uring_params params;
};

static void *uring_part(int fd, size_t size, off_t which)
{
	void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, which);

	check(found != MAP_FAILED, "io_uring memory");
	return found;
}

static void uring_open(struct uring *ring)
{
	struct io_uring_params *params = &ring->params;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, 1, params);
	check(ring->fd >= 0, "io_uring_setup");
	ring->entries =
		uring_part(ring->fd, params->sq_entries * sizeof(*ring->entries), IORING_OFF_SQES);
	ring->submitted = uring_part(
		ring->fd, params->sq_off.array + params->sq_entries * sizeof(unsigned int),
		IORING_OFF_SQ_RING);
	ring->completed = uring_part(
		ring->fd, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe),
		IORING_OFF_CQ_RING);
}

/* The result of one request, negative for an error. */
static int uring_do(struct uring *ring, const struct io_uring_sqe *entry)
{
	struct io_uring_params *params = &ring->params;
	unsigned int *tail = (unsigned int *)(ring->submitted + params->sq_off.tail);
	unsigned int *head = (unsigned int *)(ring->completed + params->cq_off.head);
	unsigned int *array = (unsigned int *)(ring->submitted + params->sq_off.array);
	struct io_uring_cqe *results =
		(struct io_uring_cqe *)(ring->completed + params->cq_off.cqes);
	int result;

	ring->entries[0] = *entry;
	array[*tail & (params->sq_entries - 1)] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	check(syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1,
	      "io_uring_enter");
	result = results[*head & (params->cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

#endif
