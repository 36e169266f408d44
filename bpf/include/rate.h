/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How many forks and execs a cgroup makes on a CPU, and whether that is too many.
 *
 * Intervals are counted, and of the one before as much as the last `interval` nanoseconds reach
 * into it. A cgroup that reaches the limit is over it until it was below for CALM_NS. What is over
 * is decided by time alone, here and in the agent that looks at the map, so neither has to tell the
 * other: as long as `over` is less than CALM_NS ago, execs are marked; when it is more, the agent
 * says that they are no longer, and the next one that is too many is announced again.
 *
 * Execs are marked, not held back: the table of processes, and the events of exits and policies
 * that come after, need all that an exec record says. No event is made of a marked one.
 */
#ifndef TM_RATE_H
#define TM_RATE_H

/* LRU: cgroups go without a word. The loader sets the size. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, struct cgroup_rate);
} cgroup_rates SEC(".maps");

/* `cause`: the header of the record of the event that was one too many. */
static __always_inline void announce(struct kernfs_node *cgroup, u64 id, u64 now,
				     const struct rec_header *cause)
{
	struct rec_throttle *rec = bpf_ringbuf_reserve(&ring, sizeof(*rec) + CGROUP_NAME_BYTES, 0);
	long n;

	if (!rec) {
		count(COUNT_LOST_THROTTLE);
		return;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->h.kind = REC_THROTTLE;
	rec->h.process = cause->process;
	rec->h.parent = cause->parent;
	rec->ktime = now;
	rec->cgroup_id = id;
	n = bpf_probe_read_kernel_str(rec + 1, CGROUP_NAME_BYTES, BPF_CORE_READ(cgroup, name));
	rec->h.size = sizeof(*rec) + (n > 0 ? n - 1 : 0);
	bpf_ringbuf_submit(rec, 0);
}

/* Counts an event of `cgroup`; true when it is one too many. */
static __always_inline bool over_rate(struct kernfs_node *cgroup, const struct rec_header *cause)
{
	const u64 interval = config.rate_interval;
	u64 now = bpf_ktime_get_boot_ns();
	u64 id = BPF_CORE_READ(cgroup, id);
	struct cgroup_rate *rate = bpf_map_lookup_elem(&cgroup_rates, &id);
	u64 since, over;

	if (!rate) {
		struct cgroup_rate first = {.window = now - now % interval, .current = 1};

		if (bpf_map_update_elem(&cgroup_rates, &id, &first, BPF_ANY))
			count(COUNT_RATES_FULL);
		return false;
	}
	since = now - rate->window;
	if (since > interval) {
		rate->previous = since > 2 * interval ? 0 : rate->current;
		rate->current = 0;
		rate->window =
			since > 2 * interval ? now - now % interval : rate->window + interval;
		since = now - rate->window;
	}
	rate->current++;
	over = rate->over;
	if ((interval - since) * rate->previous / interval + rate->current < config.rate_events)
		return over && now - over <= CALM_NS;
	rate->over = now;
	if (!over || now - over > CALM_NS)
		announce(cgroup, id, now, cause);
	return true;
}

#endif
