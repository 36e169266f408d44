/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attempt.c can try, each act many times under numbers of its own. `prepare` runs once,
 * before; `act` returns 0 or an errno; `effects` counts afterwards what came of all attempts, in
 * the eyes of somebody else: bytes in the file, connections at the server, names in the directory.
 */
#ifndef ACTS_H
#define ACTS_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "report.h"

#define BACKLOG 4096
#define ROOM (8 << 20)
#define PAGE 4096

struct act {
	const char *name;
	void (*prepare)(void);
	int (*act)(int number);
	int (*effects)(int times);
};

static const char *first, *second; /* what stands behind the act's name */
static int opened = -1;
static struct sockaddr_in there;
static volatile char *shared; /* one byte an attempt, also written by forked children */

static int outcome(long result)
{
	return result < 0 ? errno : 0;
}

static void name_in(char *path, size_t size, const char *directory, int number)
{
	snprintf(path, size, "%s/%d", directory, number);
}

/* ---- files ---- */

static void open_first(void)
{
	opened = open(first, O_RDWR);
	check(opened >= 0, first);
}

static int write_byte(int number)
{
	return outcome(pwrite(opened, "x", 1, number));
}

static int count_written(int times)
{
	int i, count = 0;
	char byte;

	for (i = 0; i < times; i++)
		count += pread(opened, &byte, 1, i) == 1 && byte == 'x';
	return count;
}

static int read_byte(int number)
{
	return outcome(pread(opened, (void *)(shared + number), 1, number));
}

static int count_shared(int times)
{
	int i, count = 0;

	for (i = 0; i < times; i++)
		count += shared[i] != 0;
	return count;
}

static int map_shared(int number)
{
	void *found = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, opened, 0);

	(void)number;
	if (found == MAP_FAILED)
		return errno;
	munmap(found, PAGE);
	return 0;
}

static int map_private(int number)
{
	void *found = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, opened, 0);

	(void)number;
	if (found == MAP_FAILED)
		return errno;
	munmap(found, PAGE);
	return 0;
}

/* Each attempt cuts a file of its own, which is there and has one byte. */
static int cut(int number)
{
	char path[PAGE];

	name_in(path, sizeof(path), first, number);
	return outcome(truncate(path, 0));
}

static int count_cut(int times)
{
	struct stat found;
	char path[PAGE];
	int i, count = 0;

	for (i = 0; i < times; i++) {
		name_in(path, sizeof(path), first, i);
		check(!stat(path, &found), path);
		count += found.st_size == 0;
	}
	return count;
}

static int open_to_write(int number)
{
	int fd = open(first, O_WRONLY);

	(void)number;
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* ---- names: the first argument is what is linked to, the second where ---- */

static int hard_link(int number)
{
	char path[PAGE];

	name_in(path, sizeof(path), second, number);
	return outcome(linkat(AT_FDCWD, first, AT_FDCWD, path, 0));
}

static int symbolic_link(int number)
{
	char path[PAGE];

	name_in(path, sizeof(path), second, number);
	return outcome(symlinkat(first, AT_FDCWD, path));
}

static int make_directory(int number)
{
	char path[PAGE];

	name_in(path, sizeof(path), second, number);
	return outcome(mkdir(path, 0700));
}

static int count_names(int times)
{
	struct stat found;
	char path[PAGE];
	int i, count = 0;

	for (i = 0; i < times; i++) {
		name_in(path, sizeof(path), second, i);
		count += !lstat(path, &found);
	}
	return count;
}

/*
 * ---- an overlay: to change the mode of a file of the lower layer copies it up, to where the
 * second argument says ----
 */

static int copy_up(int number)
{
	char path[PAGE];

	name_in(path, sizeof(path), first, number);
	return outcome(chmod(path, 0600));
}

static int count_capabilities(int times)
{
	char path[PAGE];
	int i, count = 0;

	for (i = 0; i < times; i++) {
		name_in(path, sizeof(path), second, i);
		count += getxattr(path, "security.capability", NULL, 0) > 0;
	}
	return count;
}

/* ---- connections: an address and a port ---- */

static int listening(int type)
{
	int yes = 1, room = ROOM, fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	there.sin_family = AF_INET;
	there.sin_port = htons(atoi(second));
	check(inet_pton(AF_INET, first, &there.sin_addr) == 1, first);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	check(!bind(fd, (struct sockaddr *)&there, sizeof(there)), "bind");
	return fd;
}

static void serve(void)
{
	opened = listening(SOCK_STREAM);
	check(!listen(opened, BACKLOG), "listen");
}

static int connect_there(int number)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	long result = connect(fd, (struct sockaddr *)&there, sizeof(there));
	int error = outcome(result);

	(void)number;
	close(fd);
	return result > 0 ? -1 : error;
}

/* The kernel may handle what was sent a little later. */
static int more_comes(int count, int times)
{
	struct pollfd one = {.fd = opened, .events = POLLIN};

	return count < times && poll(&one, 1, 1000) > 0;
}

static int count_connections(int times)
{
	int fd, count = 0;

	while (more_comes(count, times) && (fd = accept(opened, NULL, NULL)) >= 0) {
		close(fd);
		count++;
	}
	return count;
}

static void receive(void)
{
	opened = listening(SOCK_DGRAM);
}

static int send_there(int number)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int error = outcome(sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there)));

	(void)number;
	close(fd);
	return error;
}

static int count_packets(int times)
{
	char byte;
	int count = 0;

	while (more_comes(count, times) && recv(opened, &byte, 1, 0) == 1)
		count++;
	return count;
}

/* ---- processes ---- */

static int execute(int number)
{
	char *const nothing[] = {NULL};

	(void)number;
	return outcome(execve(first, nothing, nothing));
}

static int user_namespace(int number)
{
	(void)number;
	return outcome(unshare(CLONE_NEWUSER));
}

static int duplicate(int number)
{
	(void)number;
	return outcome(dup2(0, 200));
}

static void nothing_to_prepare(void)
{
}

static int no_effects(int times)
{
	(void)times;
	return 0;
}

static const struct act acts[] = {
	{"write", open_first, write_byte, count_written},
	{"read", open_first, read_byte, count_shared},
	{"map-shared", open_first, map_shared, no_effects},
	{"map-private", open_first, map_private, no_effects},
	{"truncate", nothing_to_prepare, cut, count_cut},
	{"open-to-write", nothing_to_prepare, open_to_write, no_effects},
	{"link", nothing_to_prepare, hard_link, count_names},
	{"symlink", nothing_to_prepare, symbolic_link, count_names},
	{"mkdir", nothing_to_prepare, make_directory, count_names},
	{"copy-up", nothing_to_prepare, copy_up, count_capabilities},
	{"connect", serve, connect_there, count_connections},
	{"send", receive, send_there, count_packets},
	{"execute", nothing_to_prepare, execute, no_effects},
	{"user-namespace", nothing_to_prepare, user_namespace, no_effects},
	{"dup", nothing_to_prepare, duplicate, no_effects},
};

#endif
