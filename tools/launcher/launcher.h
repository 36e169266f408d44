/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher of the one executable: a static program in front of a compressed tree of files. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM "tetragon-mini"
#define LOADER "lib/ld.so" /* the tree's own dynamic linker */
#define TREE_NAME_LENGTH 16
#define MANIFEST "complete" /* written last: a copy without it is none */
#define LOCK "lock"
#define MAX_PATH 4096
#define MAX_PLACES 4

/* The last bytes of the executable; tools/distlib writes them, little endian. */
struct trailer {
	char magic[16];
	uint64_t packed_size;
	uint64_t tree_size;
	unsigned char sha256[32];
};

#define MAGIC "tetragon-mini\0\0\1"

/* What the executable carries. */
struct payload {
	int fd;
	uint64_t offset;
	struct trailer trailer;
	char name[TREE_NAME_LENGTH + 1]; /* of its copy: the first bytes of the digest */
};

/* Prints one line and ends with status 1. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* payload.c */
void open_payload(struct payload *payload);
/* The tree as a tar archive of trailer.tree_size bytes. */
char *unpack_payload(const struct payload *payload);

/* tree.c: writes the archive below the directory fd; 0, or what errno says. */
int write_tree(const char *archive, uint64_t size, int directory, const char *path);
void remove_tree(int parent, const char *name);

/* manifest.c: the state of each file of a copy, so that a change is noticed without reading all. */
int write_manifest(int directory);
bool matches_manifest(int directory, uid_t owner);

/* places.c */
struct places {
	char path[MAX_PLACES][MAX_PATH];
	uid_t owner[MAX_PLACES];
	bool may_write[MAX_PLACES]; /* whether to unpack there, or only to use what is there */
	int count;
};
void find_places(struct places *places);
/* Opens a place, and makes it when `make` says so; -1 with a reason that ends a sentence. */
int open_place(const char *path, uid_t owner, bool make, const char **reason);

/* copy.c: a descriptor of a copy that may be used, which stays locked by this process; or -1. */
int open_copy(int place, const char *name, uid_t owner);
int make_copy(int place, const char *place_path, const struct payload *payload, char *tree,
	      const char **reason);

#endif
