// SPDX-License-Identifier: Apache-2.0
/*
 * Makes processes one after the other and prints what one of them cost, in nanoseconds of CPU of
 *this program and its children. Under icount that is a number of instructions.
 *
 *	load exec COUNT PAUSE_US   vfork + exec of this very program + exit
 *	load fork COUNT PAUSE_US   fork + exit
 *	load leaf                  does nothing: what `exec` runs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double rusage_ns(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
	       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}

static double cpu_ns(void)
{
	return rusage_ns(RUSAGE_SELF) + rusage_ns(RUSAGE_CHILDREN);
}

static void pause_us(long us)
{
	struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	if (us)
		nanosleep(&time, NULL);
}

static void child_execs(char *program)
{
	char *words[] = {program, "leaf", NULL};

	execv(program, words);
	_exit(127);
}

int main(int argc, char **argv)
{
	int is_exec, status;
	double start;
	long count, pause, i;
	pid_t child;

	if (argc == 2 && !strcmp(argv[1], "leaf"))
		return 0;
	if (argc != 4) {
		fprintf(stderr, "usage: load exec|fork COUNT PAUSE_US\n");
		return 2;
	}
	is_exec = !strcmp(argv[1], "exec");
	count = atol(argv[2]);
	pause = atol(argv[3]);
	start = cpu_ns();
	for (i = 0; i < count; i++) {
		child = is_exec ? vfork() : fork();
		if (!child && is_exec)
			child_execs(argv[0]);
		if (!child)
			_exit(0);
		if (waitpid(child, &status, 0) != child || status) {
			fprintf(stderr, "load: child %d ended with status %#x\n", child, status);
			return 1;
		}
		pause_us(pause);
	}
	printf("%.0f\n", (cpu_ns() - start) / count);
	return 0;
}
