// SPDX-License-Identifier: Apache-2.0
/* A copy of the tree: its folder is named after the content, and is there as a whole or not at all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher.h"

#define TEMPORARY ".new-"
/* A copy of another version that was not used for so long is removed. */
#define KEEP_S (24 * 3600)
#define START_S 60 /* nobody needs so long to lock the directory it has made */
#define ATTEMPTS 8

/*
 * The lock of a copy, shared by all that run from it: the descriptor goes on to the program. Its
 * time of change tells when the copy was used last.
 */
static int lock_copy(int directory, int operation)
{
	int fd = openat(directory, LOCK, O_RDONLY | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	if (flock(fd, operation | LOCK_NB) != 0 && operation == LOCK_EX) {
		close(fd);
		return -1;
	}
	return fd;
}

int open_copy(int place, const char *name, uid_t owner)
{
	int fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat found;
	int lock;

	if (fd < 0)
		return -1;
	lock = lock_copy(fd, LOCK_SH);
	if (lock >= 0 && fstat(fd, &found) == 0 && found.st_uid == owner &&
	    !(found.st_mode & (S_IWGRP | S_IWOTH)) && matches_manifest(fd, owner)) {
		futimens(lock, NULL);
		return fd;
	}
	if (lock >= 0)
		close(lock);
	close(fd);
	return -1;
}

static bool is_temporary(const char *name)
{
	return strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0;
}

/* Under another name first: nobody starts what is there in part. */
static void remove_version(int place, const char *name)
{
	char temporary[64];

	snprintf(temporary, sizeof(temporary), TEMPORARY "%s-old", name);
	if (renameat(place, name, place, temporary) == 0)
		remove_tree(place, temporary);
}

/* Removes a copy nobody uses, or what an interrupted start left. */
static void remove_unused(int place, const char *name)
{
	int fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int lock = fd < 0 ? -1 : lock_copy(fd, LOCK_EX);
	struct stat used;

	if (lock >= 0 && is_temporary(name))
		remove_tree(place, name);
	else if (lock >= 0 && fstat(lock, &used) == 0 && time(NULL) - used.st_mtime > KEEP_S)
		remove_version(place, name);
	/* Interrupted before it had a lock, or when that was removed already. */
	else if (fd >= 0 && is_temporary(name) && fstat(fd, &used) == 0 &&
		 time(NULL) - used.st_mtime > START_S && faccessat(fd, LOCK, F_OK, 0) != 0)
		remove_tree(place, name);
	if (lock >= 0)
		close(lock);
	if (fd >= 0)
		close(fd);
}

static void remove_others(int place, const char *own)
{
	int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *one;

	while (list && (one = readdir(list)))
		if (strcmp(one->d_name, own) != 0 &&
		    (strlen(one->d_name) == TREE_NAME_LENGTH || is_temporary(one->d_name)))
			remove_unused(place, one->d_name);
	if (list)
		closedir(list);
}

/* Writes all of it into an empty directory. */
static int fill(int directory, const char *path, char *tree, uint64_t size)
{
	int error = write_tree(tree, size, directory, path);

	if (!error)
		error = write_manifest(directory);
	/* Sizes and names, with the contents, are on the disk before its name says that it is
	 * whole. */
	if (!error && fsync(directory) != 0)
		error = errno;
	return error;
}

/*
 * Gives the directory its name; 0, EEXIST with a good copy that is there by now, or what errno
 * says.
 *
 * A copy that is no good changes places with the new one at one moment, so that what runs from it,
 * and who has just found another new one there, goes on by the same paths; then it is removed.
 */
static int publish(int place, const char *temporary, const char *name, uid_t owner, int *copy)
{
	char old[80];

	snprintf(old, sizeof(old), "%s-old", temporary);
	for (int i = 0; i < ATTEMPTS; i++) {
		if (renameat(place, temporary, place, name) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return errno;
		*copy = open_copy(place, name, owner);
		if (*copy >= 0)
			return EEXIST;
		if (renameat2(place, temporary, place, name, RENAME_EXCHANGE) == 0) {
			remove_tree(place, temporary);
			return 0;
		}
		/* A file system, or a kernel, that cannot exchange. */
		if (errno != ENOENT && renameat(place, name, place, old) == 0)
			remove_tree(place, old);
	}
	return EBUSY;
}

/* A new directory that is locked by this process; -1 and errno. */
static int make_temporary(int place, char *name, size_t size, int *lock)
{
	uint64_t random = 0;
	struct stat found;
	int directory;

	/* Not the process id: another PID namespace may have the same directory. */
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	snprintf(name, size, TEMPORARY "%016llx", (unsigned long long)random);
	if (mkdirat(place, name, 0700) != 0)
		return -1;
	directory = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*lock = openat(directory, LOCK, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) == 0 && fchmod(*lock, 0644) == 0 &&
	    fchmod(directory, 0755) == 0 && fstat(*lock, &found) == 0) {
		if (found.st_nlink)
			return directory;
		errno = ENOENT;
	}
	if (*lock >= 0)
		close(*lock);
	if (directory >= 0)
		close(directory);
	return -1;
}

int make_copy(int place, const char *place_path, const struct payload *payload, char *tree,
	      const char **reason)
{
	char temporary[64], path[MAX_PATH];
	int directory = -1, copy = -1, lock, error;

	remove_others(place, payload->name);
	snprintf(path, sizeof(path), "%s/%s", place_path, payload->name);
	/* Before it is locked, another start may take it for what an interrupted one left. */
	for (int i = 0; i < ATTEMPTS && directory < 0; i++) {
		directory = make_temporary(place, temporary, sizeof(temporary), &lock);
		if (directory < 0 && errno != EWOULDBLOCK && errno != ENOENT)
			break;
	}
	if (directory < 0) {
		*reason = strerror(errno);
		unlinkat(place, temporary, AT_REMOVEDIR);
		return -1;
	}
	error = fill(directory, path, tree, payload->trailer.tree_size);
	if (!error)
		error = publish(place, temporary, payload->name, geteuid(), &copy);
	if (error) {
		remove_tree(place, temporary);
		close(directory);
		close(lock);
		*reason = strerror(error);
		return copy;
	}
	/* Somebody who waits for the lock may get it in between: that is not waited for. */
	flock(lock, LOCK_SH | LOCK_NB);
	return directory;
}
