/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Each event once, though several programs may be told of it.
 *
 * Since 7.0 (a46023d5616e) a task can be preempted inside a tracepoint program, and the kernel
 * skips a program on a CPU where another task has not finished it: of 6,000 forks, execs and exits
 * of a busy emulated machine 500 were skipped. So there the loader attaches several copies of each
 * program, each with scratch memory of its own. The first that is free handles the event and marks
 * it as seen.
 *
 * The kernel calls the copies in the order of their attachment. So an event that another copy than
 * the first handles is one that the first was skipped for, and what the first was skipped for
 * without such a rescue is lost.
 */
#ifndef TM_SEEN_H
#define TM_SEEN_H

enum seen_kind {
	SEEN_FORK,
	SEEN_EXEC,
	SEEN_TASK_EXIT,
	SEEN_PROCESS_EXIT,
};

struct seen_key {
	u64 which; /* tells the events of one kind and process apart */
	u32 id;	   /* tgid or pid */
	u32 kind;  /* enum seen_kind */
};

/* A mark is needed for as long as its event is in progress. LRU: nobody has to remove it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct seen_key);
	__type(value, u8);
} seen SEC(".maps");

/* Marks the event; true when it was marked already. */
static __always_inline bool mark_seen(u32 kind, u32 id, u64 which)
{
	struct seen_key key = {.which = which, .id = id, .kind = kind};
	u8 mark = 0;
	int err;

	if (bpf_map_lookup_elem(&seen, &key))
		return true;
	/* int: before 6.4 the upper half of the helper's result is not defined */
	err = bpf_map_update_elem(&seen, &key, &mark, BPF_NOEXIST);
	return err == -EEXIST;
}

/*
 * Whether this copy of the program has to handle this call, which `id` and `which` name. The first
 * copy to come decides for all of them: were marks made and rescues counted only once armed, a call
 * that the first copy let pass just before could be handled by the next, as a rescue of what was
 * never skipped.
 */
static __always_inline bool is_mine(u32 kind, u32 id, u64 which)
{
	if (config.copies > 1) {
		if (mark_seen(kind, id, which))
			return false;
		if (config.copy > 0)
			count(COUNT_RESCUED);
	}
	return armed();
}

#endif
