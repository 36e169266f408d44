// SPDX-License-Identifier: Apache-2.0
/* Writes an archive's files into a directory and removes a directory; nothing follows links. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

#define BLOCK 512

/* A header of POSIX's ustar format (POSIX.1-2017, pax, "ustar Interchange Format"). */
struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char rest[355];
};

/* The start of the interpreter's path in a program, where `size` bytes are reserved for it. */
static char *find_interpreter(char *program, uint64_t length, uint64_t *size)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)program;
	Elf64_Phdr *one;

	if (length < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_phoff + header->e_phnum * sizeof(*one) > length)
		return NULL;
	one = (Elf64_Phdr *)(program + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++, one++) {
		if (one->p_type != PT_INTERP || one->p_offset + one->p_filesz > length)
			continue;
		*size = one->p_filesz;
		return program + one->p_offset;
	}
	return NULL;
}

/* Makes the program use the dynamic linker of the tree at `path`. */
static int set_interpreter(char *program, uint64_t length, const char *path)
{
	uint64_t size;
	char *place = find_interpreter(program, length, &size);

	if (!place || strlen(path) + sizeof("/" LOADER) > size)
		return ENAMETOOLONG;
	memset(place, 0, size);
	snprintf(place, size, "%s/" LOADER, path);
	return 0;
}

static int write_file(int directory, const char *name, const char *content, uint64_t size, int mode)
{
	int fd =
		openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = 0;

	if (fd < 0)
		return errno;
	while (size && !error) {
		ssize_t done = write(fd, content, size);

		if (done < 0 && errno != EINTR)
			error = errno;
		if (done > 0) {
			content += done;
			size -= (uint64_t)done;
		}
	}
	/* Not syncfs: others may have gigabytes to write. Where it cannot be done, not at all. */
	sync_file_range(fd, 0, 0,
			SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER);
	/* Whatever the umask is. */
	if (!error && fchmod(fd, (mode_t)mode) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	return error;
}

static int write_entry(const struct tar_header *header, char *content, uint64_t size, int directory,
		       const char *path)
{
	char name[sizeof(header->name) + 1] = {0};
	int mode = (int)strtol(header->mode, NULL, 8);

	memcpy(name, header->name, sizeof(header->name));
	if (header->type == '5')
		return mkdirat(directory, name, 0755) == 0 &&
				       fchmodat(directory, name, 0755, 0) == 0
			       ? 0
			       : errno;
	if (strcmp(name, PROGRAM) == 0) {
		int error = set_interpreter(content, size, path);

		if (error)
			return error;
	}
	return write_file(directory, name, content, size, mode);
}

int write_tree(const char *archive, uint64_t size, int directory, const char *path)
{
	uint64_t offset = 0;

	while (offset + BLOCK <= size && archive[offset]) {
		struct tar_header *header = (struct tar_header *)(archive + offset);
		uint64_t length = strtoull(header->size, NULL, 8);
		int error;

		offset += BLOCK;
		if (length > size - offset)
			return EILSEQ;
		error = write_entry(header, (char *)archive + offset, length, directory, path);
		if (error)
			return error;
		offset += (length + BLOCK - 1) / BLOCK * BLOCK;
	}
	return 0;
}

static void remove_inside(int directory)
{
	DIR *list = fdopendir(directory);
	struct dirent *one;

	if (!list) {
		close(directory);
		return;
	}
	while ((one = readdir(list))) {
		if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(list), one->d_name, 0) != 0)
			remove_tree(dirfd(list), one->d_name);
	}
	closedir(list);
}

void remove_tree(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		remove_inside(fd);
	unlinkat(parent, name, fd >= 0 ? AT_REMOVEDIR : 0);
}
