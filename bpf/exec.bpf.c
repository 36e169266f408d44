// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sched_process_exec: an exec succeeded (fs/exec.c, exec_binprm): the new image is in place, the
 * credentials are committed, no instruction of it has run. Updates the process table and emits
 * struct rec_exec. Table full: counted, the record goes out. Ring full: counted.
 *
 * A record is built in per-CPU scratch memory and copied to the ring in its exact size. Arguments
 * that do not fit there are read from the process straight into a ring reservation, whose size must
 * be constant.
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
#include "include/path.h"
#include "include/exec_scratch.h"
#include "include/exec_parts.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ---- identity ---- */

static __always_inline void put_identity(struct scratch *s, struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct proc_entry *old = bpf_map_lookup_elem(&processes, &tgid);
	struct proc_entry entry = {};
	struct rec_exec *rec = &s->rec;

	rec->h.process.tgid = tgid;
	rec->h.process.ktime = bpf_ktime_get_boot_ns();
	rec->fork_ktime = task->group_leader->start_boottime;
	rec->previous.tgid = tgid;
	if (old) {
		rec->previous.ktime = old->ktime;
		if (!(old->flags & PROC_EXECED))
			flag(s, EXEC_FIRST);
	} else {
		rec->previous.ktime = derived_ktime(task);
		/* with CLONE_PARENT the id is the grandparent's: then a first exec may not show */
		if (task->self_exec_id == task->parent_exec_id + 1)
			flag(s, EXEC_FIRST);
	}
	if (!key_of(&rec->h.parent, task->real_parent))
		flag(s, EXEC_PARENT_UNTRACKED);

	entry.ktime = rec->h.process.ktime;
	entry.parent_ktime = rec->h.parent.ktime;
	entry.parent_tgid = rec->h.parent.tgid;
	/*
	 * Not in an initializer: kept as a constant it makes a section without variables, for which
	 * kernels before 5.12 refuse the object's BTF, and with it global functions.
	 */
	entry.flags = PROC_EXECED;
	if (bpf_map_update_elem(&processes, &tgid, &entry, BPF_ANY)) {
		count(COUNT_TABLE_FULL);
		flag(s, EXEC_UNTRACKED);
	}
}

/* ---- arguments ---- */

/*
 * Appends `want` bytes of argv at user address `from` to `rec`, a buffer of `size` bytes. If a page
 * of it is not in memory, what lies before the first page boundary is kept: a loop over all pages
 * was tried and takes the verifier minutes.
 */
static __always_inline void put_args(struct rec_exec *rec, const u32 size, u64 from, u64 want)
{
	u64 head = PAGE_BYTES - (from & (PAGE_BYTES - 1));
	u64 pos = rec->h.size;

	rec->args_len = 0;
	if (pos > HEAD_BYTES || want > size - HEAD_BYTES) {
		rec->h.flags |= EXEC_ERROR_ARGS;
		return;
	}
	if (bpf_probe_read_user((char *)rec + pos, want, (void *)from)) {
		rec->h.flags |= EXEC_ERROR_ARGS;
		if (head >= want || bpf_probe_read_user((char *)rec + pos, head, (void *)from))
			return;
		want = head;
	}
	rec->args_len = want;
	rec->h.size = pos + want;
}

/* Sends the record with its arguments read into a reservation of `size`; false: no room. */
static __always_inline bool send_reserved(struct scratch *s, const u32 size, u64 from, u64 want)
{
	struct rec_exec *rec = bpf_ringbuf_reserve(&ring, size, 0);
	u64 pos = s->rec.h.size;

	if (!rec)
		return false;
	if (pos > HEAD_BYTES)
		pos = HEAD_BYTES;
	bpf_probe_read_kernel(rec, pos, s);
	put_args(rec, size, from, want);
	bpf_ringbuf_submit(rec, 0);
	return true;
}

static __always_inline void send(struct scratch *s, struct mm_struct *mm)
{
	u64 from = mm->arg_start;
	u64 want = mm->arg_end - from;
	u64 size;

	if (want > ARGS_BYTES) {
		want = ARGS_BYTES;
		flag(s, EXEC_TRUNCATED_ARGS);
	}
	if (want > MEDIUM_RECORD - HEAD_BYTES) {
		if (send_reserved(s, LARGE_RECORD, from, want))
			return;
	} else if (want > SMALL_RECORD - HEAD_BYTES) {
		if (send_reserved(s, MEDIUM_RECORD, from, want))
			return;
	}
	/* also what is tried when the ring has no room for all of it: the start of argv, marked as
	 * such */
	if (want > SMALL_RECORD - HEAD_BYTES) {
		want = SMALL_RECORD - HEAD_BYTES;
		flag(s, EXEC_TRUNCATED_ARGS);
	}
	put_args(&s->rec, SMALL_RECORD, from, want);
	size = s->rec.h.size;
	if (size > SMALL_RECORD || bpf_ringbuf_output(&ring, s, size, 0))
		count(COUNT_LOST_EXEC);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct scratch *s = only_element(&exec_scratch);
	const struct cred *cred = task->cred;
	/* the number of the exec is inherited: only with the start time it is this process's own */
	u64 which = task->group_leader->start_boottime + task->self_exec_id;

	if (!s || !is_mine(SEEN_EXEC, task->tgid, which))
		return 0;
	__builtin_memset(&s->rec, 0, sizeof(s->rec));
	s->rec.h.size = sizeof(s->rec);
	s->rec.h.kind = REC_EXEC;
	s->rec.tid = old_pid;
	put_identity(s, task);
	s->rec.h.nspid = innermost_pid(task, &s->rec.ns.pid);
	s->rec.auid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : (u32)-1;
	put_creds(&s->rec, cred);
	put_namespaces(&s->rec.ns, task->nsproxy);
	put_file(s, bprm, cred);
	put_cgroup(s, task->cgroups);
	put_tty(s, task->signal->tty);
	put_names(s, bprm);
	put_paths(s, task->fs, bprm->file);
	send(s, task->mm);
	return 0;
}
