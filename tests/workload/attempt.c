// SPDX-License-Identifier: Apache-2.0
/*
 * attempt threads|children TIMES TASKS ACT FIRST [SECOND]: an act of acts.h TIMES times, each under
 * a number of its own, by TASKS threads, or by one forked child an attempt, TASKS at a time. TIMES
 * 0: by threads until standard input ends. Prints what became of the attempts:
 *
 *	succeeded N     ended without an error
 *	errno E N       ended with this error; -1: with a result that no such call has
 *	killed N        children that a SIGKILL ended
 *	survived N      children that went on in user mode after the act
 *	effects N       what others see of all of them
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "acts.h"

#define ERRORS 256
#define MAX_TASKS 256
#define MANY (1 << 20)

static struct counts {
	atomic_int succeeded, killed, survived, started, odd, errors[ERRORS];
} *counts;

static const struct act *chosen;
static int times;
static atomic_int over;
static pthread_barrier_t together; /* no thread can be made while another is in execve */

static void *pages(size_t size)
{
	void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	check(found != MAP_FAILED, "mmap");
	return found;
}

static void attempt(int number)
{
	int error = chosen->act(number);

	counts->survived++;
	if (!error)
		counts->succeeded++;
	else if (error > 0 && error < ERRORS)
		counts->errors[error]++;
	else
		counts->odd++;
}

static void *worker(void *unused)
{
	pthread_barrier_wait(&together);
	for (;;) {
		int number = counts->started++;

		if (times ? number >= times : atomic_load(&over))
			return unused;
		attempt(number % MANY);
	}
}

static void *await_end(void *unused)
{
	char byte;

	while (read(0, &byte, 1) > 0)
		;
	atomic_store(&over, 1);
	return unused;
}

static void by_threads(int tasks)
{
	pthread_t threads[MAX_TASKS + 1];
	int i;

	pthread_barrier_init(&together, NULL, tasks);
	if (!times)
		check(!pthread_create(&threads[tasks], NULL, await_end, NULL), "pthread_create");
	for (i = 0; i < tasks; i++)
		check(!pthread_create(&threads[i], NULL, worker, NULL), "pthread_create");
	for (i = 0; i < tasks + !times; i++)
		check(!pthread_join(threads[i], NULL), "pthread_join");
}

static void reap(void)
{
	int status;

	check(wait(&status) > 0, "wait");
	counts->killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void by_children(int tasks)
{
	int number;

	for (number = 0; number < times; number++) {
		pid_t pid;

		if (number >= tasks)
			reap();
		pid = fork();
		check(pid >= 0, "fork");
		if (!pid) {
			attempt(number);
			_exit(0);
		}
	}
	for (number = 0; number < tasks && number < times; number++)
		reap();
}

static const struct act *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (!strcmp(acts[i].name, name))
			return &acts[i];
	check(0, name);
	return NULL;
}

static void print_counts(void)
{
	int i;

	printf("succeeded %d\nkilled %d\nsurvived %d\n", counts->succeeded, counts->killed,
	       counts->survived);
	for (i = 0; i < ERRORS; i++)
		if (counts->errors[i])
			printf("errno %d %d\n", i, counts->errors[i]);
	if (counts->odd)
		printf("errno -1 %d\n", counts->odd);
	printf("effects %d\n", chosen->effects(times));
}

int main(int argc, char **argv)
{
	int tasks;

	check(argc >= 6, "usage");
	times = atoi(argv[2]);
	tasks = atoi(argv[3]);
	check(tasks > 0 && tasks <= MAX_TASKS, "tasks");
	chosen = find(argv[4]);
	first = argv[5];
	second = argv[argc - 1];
	counts = pages(sizeof(*counts));
	shared = pages(times ? times : MANY);
	chosen->prepare();
	if (strcmp(argv[1], "children"))
		by_threads(tasks);
	else
		by_children(tasks);
	print_counts();
	return 0;
}
