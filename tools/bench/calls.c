// SPDX-License-Identifier: Apache-2.0
/*
 * Makes one system call again and again and prints what a call cost, in
 * nanoseconds of CPU: the least of some rounds, as others have an interrupt in
 * them. Under icount that is a number of instructions.
 *
 *	calls read|write|openat|symlink PATH COUNT PAUSE_US
 *	calls connect|getppid|child - COUNT PAUSE_US
 *
 * symlink makes a link to PATH, and removes it; child is a process that calls
 * getppid(2) and ends.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS = 9,
	DISCARD = 9
};

static int fd;
static const char *path;

static long now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void call_read(void)
{
	char byte;

	pread(fd, &byte, 1, 0);
}

static void call_write(void)
{
	pwrite(fd, "x", 1, 0);
}

static void call_openat(void)
{
	close(openat(AT_FDCWD, path, O_RDONLY));
}

/* Nobody listens there: the connection is refused at once. */
static void call_connect(void)
{
	struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(DISCARD)};
	int socket_fd = socket(AF_INET, SOCK_STREAM, 0);

	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connect(socket_fd, (struct sockaddr *)&where, sizeof(where));
	close(socket_fd);
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_symlink(void)
{
	static char name[256];

	snprintf(name, sizeof(name), "%s.link", path);
	symlinkat(path, AT_FDCWD, name);
	unlink(name);
}

static void call_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		syscall(SYS_getppid);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static const struct {
	const char *name;
	void (*call)(void);
	int flags;
} kinds[] = {
	{"read", call_read, O_RDONLY}, {"write", call_write, O_WRONLY | O_CREAT},
	{"openat", call_openat, -1},   {"connect", call_connect, -1},
	{"getppid", call_getppid, -1}, {"symlink", call_symlink, -1},
	{"child", call_child, -1},
};

int main(int argc, char **argv)
{
	long count, pause_us, start, cost, least = -1;
	size_t kind = 0;

	while (argc == 5 && kind < sizeof(kinds) / sizeof(*kinds) &&
	       strcmp(argv[1], kinds[kind].name))
		kind++;
	if (argc != 5 || kind == sizeof(kinds) / sizeof(*kinds)) {
		fprintf(stderr,
			"usage: calls read|write|openat|connect|getppid|symlink|child PATH COUNT "
			"PAUSE_US\n");
		return 2;
	}
	path = argv[2];
	count = atol(argv[3]);
	pause_us = atol(argv[4]);
	if (kinds[kind].flags >= 0 && (fd = open(path, kinds[kind].flags, 0600)) < 0) {
		perror(path);
		return 1;
	}
	for (int round = 0; round < ROUNDS; round++) {
		start = now_ns();
		for (long i = 0; i < count; i++) {
			kinds[kind].call();
			if (pause_us)
				usleep(pause_us);
		}
		cost = now_ns() - start;
		if (least < 0 || cost < least)
			least = cost;
	}
	printf("%ld\n", least / count);
	return 0;
}
