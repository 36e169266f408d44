// SPDX-License-Identifier: Apache-2.0
/*
 * storm WORKERS COUNT PROGRAM: WORKERS children at a time, each of which COUNT times forks, execs
 * PROGRAM with "WORKER.NUMBER" and waits. They end earlier when standard input does.
 */
#include <poll.h>
#include <unistd.h>

#include "report.h"

static int is_wanted(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};

	return poll(&input, 1, 0) == 0;
}

static void work(int worker, int count, const char *program)
{
	char name[32];
	int i;

	for (i = 0; i < count && is_wanted(); i++) {
		pid_t pid;

		snprintf(name, sizeof(name), "%d.%d", worker, i);
		pid = fork();
		check(pid >= 0, "fork");
		if (!pid) {
			execl(program, program, name, NULL);
			_exit(BROKEN);
		}
		check(waitpid(pid, NULL, 0) == pid, "waitpid");
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int i, workers;

	check(argc == 4, "usage");
	workers = atoi(argv[1]);
	for (i = 0; i < workers; i++) {
		pid_t pid = fork();

		check(pid >= 0, "fork");
		if (!pid)
			work(i, atoi(argv[2]), argv[3]);
	}
	for (i = 0; i < workers; i++)
		check(wait(NULL) > 0, "wait");
	return 0;
}
