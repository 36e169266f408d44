// SPDX-License-Identifier: Apache-2.0
/*
 * The manifest of a copy: a line for each file and folder with its size and the time of its last
 * change.
 *
 * That time (ctime) is set by the kernel at each write, chmod, chown and rename, and by nobody else
 * (inode(7)), so comparing it is as good as reading the files, and takes no time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

#define MAX_DEPTH 16

/* One line about what is at `path`; negative when it is not there. */
static int describe(int directory, const char *path, char *line, size_t size, struct stat *found)
{
	if (fstatat(directory, path, found, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return snprintf(line, size, "%o %lld %lld.%09ld %s", found->st_mode,
			S_ISDIR(found->st_mode) ? 0LL : (long long)found->st_size,
			(long long)found->st_ctim.tv_sec, found->st_ctim.tv_nsec, path);
}

static int list(FILE *manifest, int top, int directory, const char *prefix, int depth)
{
	DIR *entries = fdopendir(directory);
	struct dirent *one;
	int error = 0;

	if (!entries)
		return errno;
	while (!error && (one = readdir(entries))) {
		char path[MAX_PATH], line[MAX_PATH + 100];
		struct stat found;

		if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0 ||
		    (!prefix[0] && (!strcmp(one->d_name, LOCK) || !strcmp(one->d_name, MANIFEST))))
			continue;
		if (snprintf(path, sizeof(path), "%s%s", prefix, one->d_name) >=
			    (int)sizeof(path) ||
		    depth > MAX_DEPTH)
			error = ENAMETOOLONG;
		else if (describe(top, path, line, sizeof(line), &found) < 0)
			error = errno;
		else if (fprintf(manifest, "%s\n", line) < 0)
			error = errno;
		else if (S_ISDIR(found.st_mode)) {
			int inner =
				openat(top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			strncat(path, "/", sizeof(path) - strlen(path) - 1);
			error = inner < 0 ? errno : list(manifest, top, inner, path, depth + 1);
		}
	}
	closedir(entries);
	return error;
}

int write_manifest(int directory)
{
	int fd = openat(directory, MANIFEST, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FILE *manifest = fd < 0 ? NULL : fdopen(fd, "w");
	int error, inner;

	if (!manifest)
		return errno;
	fchmod(fd, 0644);
	inner = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = inner < 0 ? errno : list(manifest, directory, inner, "", 0);
	if (fclose(manifest) != 0 && !error)
		error = errno;
	return error;
}

bool matches_manifest(int directory, uid_t owner)
{
	int fd = openat(directory, MANIFEST, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *manifest = fd < 0 ? NULL : fdopen(fd, "r");
	char expected[MAX_PATH + 100], line[MAX_PATH + 100];
	bool is_same = manifest != NULL;
	int files = 0;

	while (is_same && fgets(expected, sizeof(expected), manifest)) {
		char path[MAX_PATH];
		struct stat found;

		is_same = sscanf(expected, "%*o %*d %*[0-9.] %4095[^\n]", path) == 1 &&
			  describe(directory, path, line, sizeof(line), &found) > 0 &&
			  found.st_uid == owner && strncmp(expected, line, strlen(line)) == 0 &&
			  expected[strlen(line)] == '\n';
		files++;
	}
	if (manifest)
		fclose(manifest);
	return is_same && files > 0;
}
