/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to change the contents and the attributes of `target` by its own name, or without one. */
#ifndef CONTENTS_H
#define CONTENTS_H

#include <linux/falloc.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "uring.h"
#include "ways.h"

static int before = -1;		  /* the target, opened before the policy was there */
static char *mapping, *read_only; /* of it, shared */

/* ---- other system calls ---- */

static int by_openat2(void)
{
	struct open_how how = {.flags = O_RDWR, .resolve = RESOLVE_NO_SYMLINKS};

	return write_to(syscall(SYS_openat2, AT_FDCWD, target, &how, sizeof(how)));
}

static int by_uring(void)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .open_flags = O_RDWR};
	struct uring ring;
	int result;

	uring_open(&ring);
	sqe.addr = (unsigned long)target;
	result = uring_do(&ring, &sqe);
	if (result < 0)
		return -result;
	sqe = (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = result, .len = 1};
	sqe.addr = (unsigned long)"x";
	result = uring_do(&ring, &sqe);
	return result < 0 ? -result : 0;
}

static int by_mapping(void)
{
	int fd = open(target, O_RDWR);
	char *page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return errno;
	*page = 'x';
	return 0;
}

static int cut(void)
{
	return outcome(truncate(target, 1));
}

static int cut_open(void)
{
	return outcome(open(target, O_RDONLY | O_TRUNC));
}

static int punch(int fd)
{
	return outcome(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE));
}

static int by_fallocate(void)
{
	int fd = open(target, O_RDWR);

	return fd < 0 ? errno : punch(fd);
}

static int send_to(int fd)
{
	return outcome(sendfile(fd, open(there(NEW), O_RDONLY), NULL, 1));
}

static int by_sendfile(void)
{
	int fd = open(target, O_RDWR);

	return fd < 0 ? errno : send_to(fd);
}

static int splice_to(int fd)
{
	int ends[2];

	if (pipe(ends) || write(ends[1], "x", 1) != 1)
		return errno;
	return outcome(splice(ends[0], NULL, fd, NULL, 1, 0));
}

static int by_splice(void)
{
	int fd = open(target, O_RDWR);

	return fd < 0 ? errno : splice_to(fd);
}

static int copy_to(int fd)
{
	return outcome(copy_file_range(open(there(NEW), O_RDONLY), NULL, fd, NULL, 1, 0));
}

static int by_copy(void)
{
	int fd = open(target, O_RDWR);

	return fd < 0 ? errno : copy_to(fd);
}

/* ---- its attributes ---- */

static int change_mode(void)
{
	return outcome(chmod(target, 0777));
}

static int change_owner(void)
{
	return outcome(chown(target, 1, 1));
}

static int change_time(void)
{
	const struct timespec times[2] = {{1, 0}, {1, 0}};

	return outcome(utimensat(AT_FDCWD, target, times, 0));
}

static int change_attribute(void)
{
	return outcome(setxattr(target, "trusted.seen", "x", 1, 0));
}

/* ---- what was opened before ---- */

static int write_before(void)
{
	return write_to(before);
}

static int cut_before(void)
{
	return outcome(ftruncate(before, 1));
}

static int punch_before(void)
{
	return punch(before);
}

static int send_before(void)
{
	return send_to(before);
}

static int splice_before(void)
{
	return splice_to(before);
}

static int copy_before(void)
{
	return copy_to(before);
}

static int mapped_before(void)
{
	*mapping = 'x';
	return 0;
}

static int map_before(void)
{
	char *page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, before, 0);

	if (page == MAP_FAILED)
		return errno;
	*page = 'x';
	return 0;
}

static int protect_before(void)
{
	if (mprotect(read_only, SIZE, PROT_READ | PROT_WRITE))
		return errno;
	*read_only = 'x';
	return 0;
}

#endif
