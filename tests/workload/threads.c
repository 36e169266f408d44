// SPDX-License-Identifier: Apache-2.0
/*
 * threads SCENARIO TIMES [PROGRAM]: TIMES children, one after the other, that end in the way
 * SCENARIO says; each is reported. Threads leave by the bare system call: pthread_exit would end
 * the process itself with the last of them.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

#define WORKERS 4

static pthread_barrier_t together;
static pid_t leader;
static const char *program;

static _Noreturn void leave(int status)
{
	for (;;)
		syscall(SYS_exit, status);
}

static void start(void *(*body)(void *))
{
	pthread_t thread;

	check(!pthread_create(&thread, NULL, body, NULL), "pthread_create");
}

/* Returns when the leader has ended; it stays as a zombie while other threads live. */
static void await_leader(void)
{
	char path[64], text[512] = "";

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", leader);
	while (!strstr(text, ") Z")) {
		FILE *file = fopen(path, "r");

		check(file != NULL, path);
		check(fgets(text, sizeof(text), file) != NULL, path);
		fclose(file);
	}
}

static void *last_worker(void *unused)
{
	(void)unused;
	await_leader();
	leave(5);
}

static void leader_first(void)
{
	start(last_worker);
	leave(3);
}

static void *racing_worker(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&together);
	leave(5);
}

static void race(void)
{
	int i;

	pthread_barrier_init(&together, NULL, WORKERS + 1);
	for (i = 0; i < WORKERS; i++)
		start(racing_worker);
	pthread_barrier_wait(&together);
	leave(3);
}

static void *idle_worker(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *group_worker(void *unused)
{
	(void)unused;
	_exit(7);
}

static void group_exit(void)
{
	start(idle_worker);
	start(group_worker);
	idle_worker(NULL);
}

/* The leader is gone when a worker ends everything: its code counts, not the leader's. */
static void *late_group_worker(void *unused)
{
	(void)unused;
	await_leader();
	_exit(11);
}

static void leader_then_group(void)
{
	start(late_group_worker);
	leave(3);
}

static void *killer(void *number)
{
	kill(getpid(), (int)(long)number);
	return idle_worker(NULL);
}

static void by_signal(int number)
{
	pthread_t thread;

	start(idle_worker);
	check(!pthread_create(&thread, NULL, killer, (void *)(long)number), "pthread_create");
	idle_worker(NULL);
}

static void by_sigkill(void)
{
	by_signal(SIGKILL);
}

static void by_sigterm(void)
{
	by_signal(SIGTERM);
}

static void *broken_worker(void *unused)
{
	volatile int *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*page = 0;
	return unused;
}

static void by_fault(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	start(broken_worker);
	idle_worker(NULL);
}

static void *exec_worker(void *unused)
{
	char name[16];

	(void)unused;
	snprintf(name, sizeof(name), "%ld", syscall(SYS_gettid));
	execl(program, program, "6", name, NULL);
	_exit(BROKEN);
}

/* The new program gets the number of the thread as an argument, to compare with. */
static void exec_in_worker(void)
{
	start(idle_worker);
	start(exec_worker);
	idle_worker(NULL);
}

static void *brief_worker(void *unused)
{
	return unused;
}

static void many_threads(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 50; i++) {
		check(!pthread_create(&thread, NULL, brief_worker, NULL), "pthread_create");
		check(!pthread_join(thread, NULL), "pthread_join");
	}
	_exit(13);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"leader-first", leader_first},
	{"race", race},
	{"group-exit", group_exit},
	{"leader-then-group", leader_then_group},
	{"sigkill", by_sigkill},
	{"sigterm", by_sigterm},
	{"fault", by_fault},
	{"exec-in-worker", exec_in_worker},
	{"many-threads", many_threads},
};

static void run(const char *name)
{
	size_t i;

	leader = getpid();
	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (!strcmp(scenarios[i].name, name))
			scenarios[i].run();
	check(0, name);
}

int main(int argc, char **argv)
{
	int i;

	check(argc >= 3, "usage");
	program = argv[argc - 1];
	for (i = 0; i < atoi(argv[2]); i++) {
		pid_t pid = fork();

		check(pid >= 0, "fork");
		if (!pid)
			run(argv[1]);
		report_child(pid);
	}
	return 0;
}
