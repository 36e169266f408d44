// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sched_process_exit: a task is on its way out (kernel/exit.c, do_exit). signal->live was
 * decremented before, so it reads 0 in the last thread of the process, whichever that is, and only
 * the last one counts. Threads that leave together can all read 0: see first_to_report().
 * Emits struct rec_exit. Ring full: counted.
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * A thread that reads live == 0 may not be the only one: others have counted themselves off but not
 * come to this point yet. None of them is released before it was here, so the first sees more than
 * one thread and leaves a mark; later ones find it. `known`: the process is in the table.
 */
static __always_inline bool first_to_report(struct task_struct *task, bool known)
{
	if (known && task->signal->nr_threads == 1)
		return true;
	return !mark_seen(SEEN_PROCESS_EXIT, task->tgid, task->group_leader->start_boottime);
}

/*
 * What wait(2) will return (kernel/exit.c, wait_task_zombie): the group's code once a group exit
 * has begun, else the code of the leader, who may have left long before the last thread.
 */
static __always_inline u32 wait_status(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return signal->group_exit_code;
	return task->group_leader->exit_code;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct rec_exit rec = {};
	struct proc_entry *entry;
	u32 tgid = task->tgid;

	/* a thread that called exec has the pid and start time of the leader that ended for it */
	if (!is_mine(SEEN_TASK_EXIT, task->pid, task->start_boottime + task->self_exec_id))
		return 0;
	if (task->signal->live.counter > 0)
		return 0;

	rec.h.process.tgid = tgid;
	entry = bpf_map_lookup_elem(&processes, &tgid);
	if (!first_to_report(task, entry))
		return 0;
	if (entry) {
		rec.h.process.ktime = entry->ktime;
		rec.h.parent.ktime = entry->parent_ktime;
		rec.h.parent.tgid = entry->parent_tgid;
		bpf_map_delete_elem(&processes, &tgid);
	} else {
		rec.h.process.ktime = derived_ktime(task);
		key_of(&rec.h.parent, task->real_parent);
	}

	rec.h.size = sizeof(rec);
	rec.h.kind = REC_EXIT;
	rec.h.flags = task->flags & PF_KTHREAD ? EXIT_KERNEL_THREAD : 0;
	rec.ktime = bpf_ktime_get_boot_ns();
	rec.code = wait_status(task);
	if (bpf_ringbuf_output(&ring, &rec, sizeof(rec), 0))
		count(COUNT_LOST_EXIT);
	return 0;
}
