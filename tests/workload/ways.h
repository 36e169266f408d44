/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to change the file `target`, in the directory `home`, with the help of the directory
 * `elsewhere` of the same file system, which has a file `new`. Each returns 0, or an errno.
 */
#ifndef WAYS_H
#define WAYS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "report.h"

#define SIZE 4096
#define NEW "/new"

static const char *target, *home, *name, *elsewhere;

static int outcome(long result)
{
	return result < 0 ? errno : 0;
}

static const char *there(const char *file)
{
	static char paths[4][SIZE];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, SIZE, "%s%s", elsewhere, file);
	return path;
}

static int write_to(int fd)
{
	return fd < 0 ? errno : outcome(write(fd, "x", 1));
}

static int write_file(const char *path)
{
	return write_to(open(path, O_RDWR));
}

/* ---- other names for it ---- */

static int plain(void)
{
	return write_file(target);
}

static int by_symlink(void)
{
	return symlink(target, there("/link")) ? errno : write_file(there("/link"));
}

static int by_hard_link(void)
{
	return link(target, there("/hard")) ? errno : write_file(there("/hard"));
}

static int relative(void)
{
	return chdir(home) ? errno : write_file(name);
}

static int by_dots(void)
{
	char path[SIZE];

	snprintf(path, sizeof(path), "%s/../../../../..%s/../%s/./%s", elsewhere, home,
		 strrchr(home, '/') + 1, name);
	return write_file(path);
}

static int by_proc(void)
{
	char path[SIZE];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(target, O_RDONLY));
	return write_file(path);
}

static int in_chroot(void)
{
	return chroot(home) || chdir("/") ? errno : write_file(name);
}

static int mount_private(void)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int by_bind(void)
{
	char path[SIZE];

	snprintf(path, sizeof(path), "%s/mnt/%s", elsewhere, name);
	if (mount_private() || mount(home, there("/mnt"), NULL, MS_BIND, NULL))
		return errno;
	return write_file(path);
}

static int in_namespace(void)
{
	if (mount_private() || mount("/", there("/mnt"), NULL, MS_BIND, NULL) ||
	    chroot(there("/mnt")) || chdir("/"))
		return errno;
	return write_file(target);
}

static int by_open_tree(void)
{
	int fd = syscall(SYS_open_tree, AT_FDCWD, home, OPEN_TREE_CLONE);

	return fd < 0 ? errno : write_to(openat(fd, name, O_RDWR));
}

/* ---- another file in its place ---- */

static int rename_over(void)
{
	return outcome(rename(there(NEW), target));
}

static int rename_away(void)
{
	return outcome(rename(target, there("/away")));
}

static int exchange(void)
{
	return outcome(renameat2(AT_FDCWD, there(NEW), AT_FDCWD, target, RENAME_EXCHANGE));
}

static int bind_over(void)
{
	return outcome(mount(there(NEW), target, NULL, MS_BIND, NULL));
}

static int move_mount_over(void)
{
	int fd = syscall(SYS_open_tree, AT_FDCWD, there(NEW), OPEN_TREE_CLONE);

	return fd < 0 ? errno
		      : outcome(syscall(SYS_move_mount, fd, "", AT_FDCWD, target,
					MOVE_MOUNT_F_EMPTY_PATH));
}

static int remove_it(void)
{
	return outcome(unlink(target));
}

/* ---- names beside it ---- */

static int beside(const char *suffix)
{
	static char path[SIZE];

	snprintf(path, sizeof(path), "%s%s", target, suffix);
	target = path;
	return 0;
}

static int create(void)
{
	beside(".made");
	return outcome(open(target, O_CREAT | O_EXCL | O_WRONLY, 0600));
}

static int make_directory(void)
{
	beside(".made");
	return outcome(mkdir(target, 0700));
}

static int make_fifo(void)
{
	beside(".made");
	return outcome(mknod(target, S_IFIFO | 0600, 0));
}

static int make_symlink(void)
{
	beside(".made");
	return outcome(symlink(there(NEW), target));
}

static int link_into(void)
{
	beside(".made");
	return outcome(link(there(NEW), target));
}

static int link_unnamed(void)
{
	char path[64];
	int fd = open(home, O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1)
		return errno;
	beside(".made");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return outcome(linkat(AT_FDCWD, path, AT_FDCWD, target, AT_SYMLINK_FOLLOW));
}

#endif
