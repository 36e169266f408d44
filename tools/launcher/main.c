// SPDX-License-Identifier: Apache-2.0
/* Finds the unpacked copy of this executable, or makes it, and becomes the program in it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher.h"

#define REASONS_LENGTH 4096

extern char **environ;

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs(PROGRAM ": ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

/* Becomes the program of a copy; returns the reason when it could not be started. */
static const char *run(const char *place, const char *name, char **arguments)
{
	char *none[] = {PROGRAM, NULL};
	char path[MAX_PATH];

	if (snprintf(path, sizeof(path), "%s/%s/%s", place, name, PROGRAM) >= (int)sizeof(path))
		return strerror(ENAMETOOLONG);
	execve(path, arguments[0] ? arguments : none, environ);
	return strerror(errno);
}

static void use_copy(const struct places *places, const struct payload *payload, char **arguments)
{
	for (int i = 0; i < places->count; i++) {
		const char *reason;
		int place = open_place(places->path[i], places->owner[i], false, &reason);

		if (place < 0)
			continue;
		if (open_copy(place, payload->name, places->owner[i]) >= 0)
			run(places->path[i], payload->name, arguments);
		close(place);
	}
}

static void add_reason(char *reasons, const char *path, const char *reason)
{
	size_t length = strlen(reasons);

	snprintf(reasons + length, REASONS_LENGTH - length, "%s%s: %s", length ? "; " : "", path,
		 reason);
}

/* What the program opens first would take the number of a stream that is closed. */
static void open_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Libraries of this host are made for its C library, which the program does not use. */
static void forget_libraries(void)
{
	unsetenv("LD_PRELOAD");
	unsetenv("LD_AUDIT");
	unsetenv("LD_LIBRARY_PATH");
}

/* Unpacks in the first place where that is possible; returns with the reasons when there is none.
 */
static void use_new_copy(const struct places *places, const struct payload *payload,
			 char **arguments, char *reasons)
{
	char *tree = NULL;

	/* A limit of the size of files is an error like others; Python ignores the signal too. */
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < places->count; i++) {
		const char *reason;
		int place;

		if (!places->may_write[i])
			continue;
		if (!tree)
			tree = unpack_payload(payload);
		place = open_place(places->path[i], places->owner[i], true, &reason);
		if (place >= 0 && make_copy(place, places->path[i], payload, tree, &reason) >= 0)
			reason = run(places->path[i], payload->name, arguments);
		add_reason(reasons, places->path[i], reason);
	}
}

int main(int count, char **arguments)
{
	static char reasons[REASONS_LENGTH];
	static struct places places;
	struct payload payload;

	(void)count;
	open_streams();
	forget_libraries();
	open_payload(&payload);
	find_places(&places);
	use_copy(&places, &payload, arguments);
	use_new_copy(&places, &payload, arguments, reasons);
	fail("cannot unpack itself: %s; %sset TETRAGON_MINI_PROGRAM_DIR to a directory with %u MB "
	     "of room from which programs may run",
	     reasons[0] ? reasons : "there is no home directory",
	     geteuid() == 0 ? "" : "run it once as root, whose copy everybody uses, or ",
	     (unsigned)(payload.trailer.tree_size / 1000000 + 1));
}
