// SPDX-License-Identifier: Apache-2.0
/* Where copies are: root's are for everybody, a user's for that user. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "launcher.h"

#define SUBDIRECTORY "tetragon-mini/program"
#define OVERFLOW_UID 65534

static void add(struct places *places, uid_t owner, bool may_write, const char *above,
		const char *below)
{
	char *path = places->path[places->count];

	/* A relative path would name another place in each directory. */
	if (!above || above[0] != '/' || snprintf(path, MAX_PATH, "%s%s", above, below) >= MAX_PATH)
		return;
	places->owner[places->count] = owner;
	places->may_write[places->count++] = may_write;
}

void find_places(struct places *places)
{
	uid_t user = geteuid();
	const char *chosen = getenv("TETRAGON_MINI_PROGRAM_DIR");
	const char *cache = getenv("XDG_CACHE_HOME");

	places->count = 0;
	if (chosen && chosen[0]) {
		if (chosen[0] != '/')
			fail("TETRAGON_MINI_PROGRAM_DIR=%s is no absolute path", chosen);
		if (strlen(chosen) >= MAX_PATH)
			fail("the path in TETRAGON_MINI_PROGRAM_DIR is too long");
		if (user != 0)
			add(places, 0, false, chosen, "");
		add(places, user, true, chosen, "");
		return;
	}
	add(places, 0, user == 0, "/var/lib/", SUBDIRECTORY);
	add(places, 0, user == 0, "/run/", SUBDIRECTORY);
	/* Who is root in a user namespace only can write neither. */
	if (cache && cache[0])
		add(places, user, true, cache, "/" SUBDIRECTORY);
	else
		add(places, user, true, getenv("HOME"), "/.cache/" SUBDIRECTORY);
	add(places, user, true, getenv("XDG_RUNTIME_DIR"), "/" SUBDIRECTORY);
}

/* In a user namespace (user_namespaces(7)) users who are not mapped, such as root, have one number.
 */
static bool is_root(uid_t uid)
{
	static int is_whole = -1;

	if (uid == OVERFLOW_UID && is_whole < 0) {
		FILE *map = fopen("/proc/self/uid_map", "re");
		unsigned long inside, outside, length;

		is_whole = map && fscanf(map, "%lu %lu %lu", &inside, &outside, &length) == 3 &&
			   length == UINT32_MAX;
		if (map)
			fclose(map);
	}
	return uid == 0 || (uid == OVERFLOW_UID && !is_whole);
}

/* Whether nobody but root and `owner` can put something else there; a user's group may be its own.
 */
static bool is_private(const struct stat *found, uid_t owner)
{
	mode_t others = owner == 0 ? S_IWGRP | S_IWOTH : S_IWOTH;

	return (is_root(found->st_uid) || found->st_uid == owner) &&
	       (!(found->st_mode & others) || found->st_mode & S_ISVTX);
}

static int open_next(int above, const char *name, bool make, uid_t owner)
{
	mode_t mode = owner == 0 ? 0755 : 0700;
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = openat(above, name, flags);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	/* Made by another start; or, in /tmp, a link by somebody who wants us to change what is
	 * behind it. */
	if (mkdirat(above, name, mode) != 0)
		return errno == EEXIST ? openat(above, name, flags) : -1;
	fd = openat(above, name, flags | O_NOFOLLOW);
	/* Whatever the umask is. */
	if (fd >= 0)
		(void)!fchmod(fd, mode);
	return fd;
}

int open_place(const char *path, uid_t owner, bool make, const char **reason)
{
	char words[MAX_PATH], *word, *rest = NULL;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statvfs mount;
	struct stat found = {0};

	snprintf(words, sizeof(words), "%s", path);
	for (word = strtok_r(words, "/", &rest); fd >= 0 && word;
	     word = strtok_r(NULL, "/", &rest)) {
		int above = fd;
		bool is_good;

		fd = open_next(above, word, make, owner);
		*reason = strerror(errno);
		/* In /tmp a link to a good folder may be another user's, who can turn it. */
		is_good = fstatat(above, word, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
			  (is_root(found.st_uid) || found.st_uid == owner);
		close(above);
		if (fd >= 0 && (!is_good || fstat(fd, &found) != 0 || !is_private(&found, owner))) {
			*reason = "others can change it, or a folder above it";
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		return -1;
	if (found.st_uid != owner || found.st_mode & (S_IWGRP | S_IWOTH))
		*reason = "it does not belong to this user alone";
	else if (fstatvfs(fd, &mount) == 0 && mount.f_flag & ST_NOEXEC)
		*reason = "programs may not run from there (noexec)";
	else
		return fd;
	close(fd);
	return -1;
}
