// SPDX-License-Identifier: Apache-2.0
/*
 * bypass ROOT WAY HOME NAME ELSEWHERE [wait]: below ROOT, change the file HOME/NAME in one of the
 * ways of ways.h and contents.h; with `wait` open and map it first, print "ready", and go on when
 * standard input ends. Prints the errno it came to, 0 for none. WAY may be memfd:WAY: first become
 * a copy of this program that has no name.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "contents.h"

static const struct {
	const char *name;
	int (*run)(void);
} ways[] = {
	{"write", plain},
	{"symlink", by_symlink},
	{"hard-link", by_hard_link},
	{"relative", relative},
	{"dots", by_dots},
	{"proc-fd", by_proc},
	{"chroot", in_chroot},
	{"bind-mount", by_bind},
	{"mount-namespace", in_namespace},
	{"open-tree", by_open_tree},
	{"rename-over", rename_over},
	{"rename-away", rename_away},
	{"exchange", exchange},
	{"bind-over", bind_over},
	{"move-mount-over", move_mount_over},
	{"unlink", remove_it},
	{"create", create},
	{"mkdir", make_directory},
	{"mknod", make_fifo},
	{"symlink-into", make_symlink},
	{"link-into", link_into},
	{"tmpfile-linkat", link_unnamed},
	{"openat2", by_openat2},
	{"io-uring", by_uring},
	{"mmap", by_mapping},
	{"truncate", cut},
	{"open-truncate", cut_open},
	{"fallocate", by_fallocate},
	{"sendfile", by_sendfile},
	{"splice", by_splice},
	{"copy-file-range", by_copy},
	{"chmod", change_mode},
	{"chown", change_owner},
	{"utimes", change_time},
	{"setxattr", change_attribute},
	{"write-before", write_before},
	{"ftruncate-before", cut_before},
	{"fallocate-before", punch_before},
	{"sendfile-before", send_before},
	{"splice-before", splice_before},
	{"copy-before", copy_before},
	{"mmap-before", map_before},
	{"mprotect-before", protect_before},
	{"mapped-before", mapped_before},
};

static void *map(int protection)
{
	void *page = mmap(NULL, SIZE, protection, MAP_SHARED, before, 0);

	check(page != MAP_FAILED, target);
	return page;
}

static void wait_open(void)
{
	char byte;

	before = open(target, O_RDWR);
	check(before >= 0, target);
	mapping = map(PROT_READ | PROT_WRITE);
	read_only = map(PROT_READ);
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
}

/* Never returns. */
static void become_nameless(char **arguments)
{
	static char copy[4 << 20];
	int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("nameless", MFD_CLOEXEC);
	ssize_t size = read(from, copy, sizeof(copy));

	check(size > 0 && write(to, copy, size) == size, "memfd");
	arguments[1] = "/";
	arguments[2] += strlen("memfd:");
	syscall(SYS_execveat, to, "", arguments, NULL, AT_EMPTY_PATH);
	check(0, "execveat");
}

int main(int argc, char **argv)
{
	char path[SIZE];
	size_t i;

	check(argc >= 6, "usage");
	check(!chroot(argv[1]) && !chdir("/"), argv[1]);
	if (!strncmp(argv[2], "memfd:", strlen("memfd:")))
		become_nameless(argv);
	home = argv[3];
	name = argv[4];
	elsewhere = argv[5];
	snprintf(path, sizeof(path), "%s/%s", home, name);
	target = path;
	if (argc > 6)
		wait_open();
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, argv[2])) {
			printf("%d\n", ways[i].run());
			return 0;
		}
	check(0, argv[2]);
}
