/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps all objects share: the loader creates each once and hands it to every object. */
#ifndef TM_MAPS_H
#define TM_MAPS_H

/* Every record of every program, in one order. The loader sets the size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/*
 * tgid -> identity of each live process that was forked or has called exec since the sensor was
 * armed. Preallocated: an allocation here could deadlock inside the allocator's own tracepoints.
 * Full: counted in COUNT_TABLE_FULL, the event still goes out.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u32);
	__type(value, struct proc_entry);
} processes SEC(".maps");

/*
 * Cgroups of containers: id -> id of the container's home, the cgroup its runtime made for it. User
 * space enters a container's cgroup with all that are inside; the kernel side enters what is made
 * inside later, and removes what goes (cgroup.bpf.c). A cgroup that is not in here is the host's.
 * Full: counted in COUNT_CONTAINERS_FULL. The loader takes memory per entry where programs may
 * (6.1).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u64);
} container_cgroups SEC(".maps");

/* One struct control, which the loader writes through a mapping: no system call, one instant. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct control);
} control SEC(".maps");

/* Whether events count: not before every copy of every program is attached. */
static __always_inline bool armed(void)
{
	u32 zero = 0;
	volatile struct control *value = bpf_map_lookup_elem(&control, &zero);

	return value && value->armed;
}

/* enum counter -> how often; mapped into the agent, which reads it without a system call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNT_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

static __always_inline void count(u32 which)
{
	u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

#endif
