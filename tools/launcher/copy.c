// SPDX-License-Identifier: Apache-2.0
/* A copy of the tree: its folder is named after the content, and is there as a whole or not at all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher.h"

#define TEMPORARY ".new-"
/* A copy of another version that was not used for so long is removed. */
#define KEEP_S (24 * 3600)

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

/* Removes a copy nobody uses, or what an interrupted start left. */
static void remove_unused(int place, const char *name)
{
	int fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int lock = fd < 0 ? -1 : lock_copy(fd, LOCK_EX);
	struct stat used;

	if (lock >= 0 && fstat(lock, &used) == 0 &&
	    (strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0 ||
	     time(NULL) - used.st_mtime > KEEP_S))
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
		    (strlen(one->d_name) == TREE_NAME_LENGTH ||
		     strncmp(one->d_name, TEMPORARY, strlen(TEMPORARY)) == 0))
			remove_unused(place, one->d_name);
	if (list)
		closedir(list);
}

/* Writes all of it into an empty directory. */
static int fill(int directory, const char *path, const struct payload *payload)
{
	char *tree = unpack_payload(payload);
	int error;

	if (!tree)
		return ENOMEM;
	error = write_tree(tree, payload->trailer.tree_size, directory, path);
	munmap(tree, payload->trailer.tree_size);
	/* On the disk before its name says that it is whole. */
	if (!error && syncfs(directory) != 0)
		error = errno;
	return error ? error : write_manifest(directory);
}

/* Gives the directory its name; what has it and is no good goes away, unless it is good by now. */
static int publish(int place, const char *temporary, const char *name, uid_t owner)
{
	char old[80];

	if (renameat(place, temporary, place, name) == 0)
		return 0;
	if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
		return errno;
	if (open_copy(place, name, owner) >= 0)
		return EEXIST;
	snprintf(old, sizeof(old), "%s-old", temporary);
	if (renameat(place, name, place, old) != 0)
		return errno;
	remove_tree(place, old);
	return renameat(place, temporary, place, name) == 0 ? 0 : errno;
}

int make_copy(int place, const char *place_path, const struct payload *payload, const char **reason)
{
	char temporary[64], path[MAX_PATH];
	int directory, lock, error;
	uint64_t random = 0;

	remove_others(place, payload->name);
	/* Not the process id: another PID namespace may have the same directory. */
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	snprintf(temporary, sizeof(temporary), TEMPORARY "%016llx", (unsigned long long)random);
	snprintf(path, sizeof(path), "%s/%s", place_path, payload->name);
	if (mkdirat(place, temporary, 0700) != 0) {
		*reason = strerror(errno);
		return -1;
	}
	directory = openat(place, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	lock = openat(directory, LOCK, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	error = lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0 || fchmod(lock, 0644) != 0 ||
				fchmod(directory, 0755) != 0
			? errno
			: fill(directory, path, payload);
	if (!error)
		error = publish(place, temporary, payload->name, geteuid());
	if (error) {
		remove_tree(place, temporary);
		close(directory);
		close(lock);
		if (error == EEXIST)
			return open_copy(place, payload->name, geteuid());
		*reason = strerror(error);
		return -1;
	}
	flock(lock, LOCK_SH);
	return directory;
}
