/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs here share: how they say what became of a child, and how they give up. */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Not 0 and not a status any workload uses, so that a broken one is noticed. */
#define BROKEN 99

static inline void check(int holds, const char *what)
{
	if (!holds) {
		perror(what);
		exit(BROKEN);
	}
}

/* Waits for the child and prints "PID STATUS", the status as wait(2) has it. */
static inline void report_child(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0) == pid, "waitpid");
	printf("%d %d\n", pid, status);
}

#endif
