// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sched_process_fork: a task was created and has not run yet (kernel/fork.c, kernel_clone). Threads
 * are not processes and are left out. Enters the child in the process table and emits struct
 * rec_fork. Table full: counted, the record still goes out. Ring full: counted.
 */
#include "include/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include "include/wire.h"
#include "include/maps.h"
#include "include/config.h"
#include "include/seen.h"
#include "include/identity.h"
#include "include/cgroup.h"
#include "include/rate.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct rec_fork rec = {};
	struct proc_entry entry = {};
	u32 tgid = child->tgid;

	if (!is_mine(SEEN_FORK, child->pid, child->start_boottime))
		return 0;
	if (child->pid != child->tgid)
		return 0;

	rec.h.size = sizeof(rec);
	rec.h.kind = REC_FORK;
	rec.h.nspid = innermost_pid(child, NULL);
	rec.h.process.tgid = tgid;
	rec.h.process.ktime = child->start_boottime;
	key_of(&rec.h.parent, child->real_parent); /* not `parent`: CLONE_PARENT makes a sibling */

	/* A fork is never withheld: no event shows it, and later ones need the process to be known.
	 */
	if (config.rate_events)
		over_rate(cgroup_node(child->cgroups), &rec.h);

	entry.ktime = rec.h.process.ktime;
	entry.parent_ktime = rec.h.parent.ktime;
	entry.parent_tgid = rec.h.parent.tgid;
	if (bpf_map_update_elem(&processes, &tgid, &entry, BPF_ANY))
		count(COUNT_TABLE_FULL);

	/*
	 * Not BPF_RB_NO_WAKEUP, though nothing is shown for a fork: a record wakes the reader only
	 * when the reader had caught up with the one before it, so the exec that follows would not.
	 */
	if (bpf_ringbuf_output(&ring, &rec, sizeof(rec), 0))
		count(COUNT_LOST_FORK);
	return 0;
}
