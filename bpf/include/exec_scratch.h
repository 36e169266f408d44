/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where an exec record is put together, and how a string or a path is appended to it. Per-CPU
 * memory; each object has its own, and no two tasks are in one object on one CPU at a time.
 */
#ifndef TM_EXEC_SCRATCH_H
#define TM_EXEC_SCRATCH_H

#define PAGE_BYTES 4096
#define STRINGS_BYTES (CGROUP_NAME_BYTES + TTY_NAME_BYTES + 4 * PATH_BYTES)
#define HEAD_BYTES (sizeof(struct rec_exec) + STRINGS_BYTES)
#define SMALL_RECORD 32768 /* the most a per-CPU value may have: PCPU_MIN_UNIT_SIZE */
#define MEDIUM_RECORD 65536
#define LARGE_RECORD (HEAD_BYTES + ARGS_BYTES)

struct scratch {
	union {
		struct rec_exec rec;
		char bytes[SMALL_RECORD];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} exec_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct path_walk);
} path_scratch SEC(".maps");

static __always_inline void *only_element(void *map)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(map, &zero);
}

/*
 * The state of the record under construction is in the record: h.size is where the next string goes
 * and h.flags what went wrong so far. Kept in registers, each combination of the two would be a
 * state of its own to verifiers before 6.3, which track every scalar exactly once a program has
 * function calls (840,000 instructions on 6.1 instead of 30,000).
 */
static __always_inline void flag(struct scratch *s, u32 flags)
{
	s->rec.h.flags |= flags;
}

/* Appends the kernel string at `from`, sets `len` (without NUL); false: unreadable. */
static __always_inline bool put_string(struct scratch *s, u16 *len, u32 max, const void *from)
{
	u64 pos = s->rec.h.size;
	long n;

	*len = 0;
	if (pos > HEAD_BYTES - PATH_BYTES)
		return false;
	n = bpf_probe_read_kernel_str(s->bytes + pos, max, from);
	if (n <= 0)
		return false;
	*len = n - 1;
	s->rec.h.size = pos + n - 1;
	return true;
}

/* A global function, so that the verifier walks its loop once, not once per call. */
__noinline int resolve_leg(void)
{
	struct path_walk *w = only_element(&path_scratch);

	return w ? walk_leg(w) : PATH_CUT;
}

/* Resolves `at` as the process sees it, appends it, sets `len`. Returns an enum path_result. */
static __always_inline int put_path(struct scratch *s, u16 *len, const struct path *at,
				    const struct path *root)
{
	struct path_walk *w = only_element(&path_scratch);
	u64 pos, from, n;
	int result = PATH_MORE, i;

	*len = 0;
	if (!w)
		return PATH_CUT;
	if (bpf_core_read(&w->at, sizeof(w->at), at) ||
	    bpf_core_read(&w->root, sizeof(w->root), root))
		return PATH_CUT;
	w->from = PATH_BYTES;
	for (i = 0; i < LEGS && result == PATH_MORE; i++)
		result = resolve_leg();
	from = w->from;
	/* read here, not before the loop: what is spilled across its calls loses its bounds */
	pos = s->rec.h.size;
	if (from > PATH_BYTES || pos > HEAD_BYTES - PATH_BYTES)
		return PATH_CUT;
	if (from == PATH_BYTES) {
		w->text[PATH_BYTES - 1] = '/';
		from = PATH_BYTES - 1;
	}
	n = PATH_BYTES - from;
	bpf_probe_read_kernel(s->bytes + pos, n, w->text + from);
	*len = n;
	s->rec.h.size = pos + n;
	return result;
}

#endif
