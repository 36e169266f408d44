/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who a task is: its key, from the process table or derived for one older than the sensor. */
#ifndef TM_IDENTITY_H
#define TM_IDENTITY_H

/*
 * The key the /proc walk gives the same process: its start time in whole ticks. It needs no table,
 * so the two sides agree on processes that neither saw being born.
 */
static __always_inline u64 derived_ktime(struct task_struct *task)
{
	return task->group_leader->start_boottime / TICK_NS * TICK_NS;
}

/* Fills `key` for the process `task` belongs to; false when it was not in the table. */
static __always_inline bool key_of(struct proc_key *key, struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct proc_entry *entry = bpf_map_lookup_elem(&processes, &tgid);

	key->tgid = tgid;
	key->pad = 0;
	if (entry) {
		key->ktime = entry->ktime;
		return true;
	}
	key->ktime = derived_ktime(task);
	return false;
}

/* Pid in the innermost namespace, or 0 when that is the initial one. `ns` may be NULL. */
static __always_inline u32 innermost_pid(struct task_struct *task, u32 *ns)
{
	struct pid *pid = task->thread_pid;
	struct upid upid = {};
	u32 level = pid->level;

	/* 32 is MAX_PID_NS_LEVEL (include/linux/pid_namespace.h) */
	if (bpf_core_read(&upid, bpf_core_type_size(struct upid), &pid->numbers[level & 31]))
		return 0;
	if (ns)
		*ns = BPF_CORE_READ(upid.ns, ns.inum);
	return level ? upid.nr : 0;
}

#endif
