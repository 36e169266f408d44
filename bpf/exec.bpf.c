// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sched_process_exec: an exec succeeded (fs/exec.c, exec_binprm): the new image is in place, the
 * credentials are committed, no instruction of it has run. Updates the process table and emits
 * struct rec_exec. Table full: counted, the record goes out. Ring full: counted.
 *
 * A record is built in per-CPU scratch memory and copied to the ring in its exact size. Arguments
 * and environment that do not fit there are read from the process straight into a ring reservation,
 * whose size must be constant.
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
#include "include/cgroup.h"
#include "include/rate.h"
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

/* ---- arguments and environment ---- */

/*
 * What to read of the process: argv, and behind it the environment if that is wanted. Exec puts one
 * right behind the other (fs/binfmt_elf.c, create_elf_tables), so they are one piece of memory.
 */
struct texts {
	u64 from;
	u64 want;	   /* bytes of both */
	u64 argv;	   /* bytes of argv */
	bool with_environ; /* read from the settings once: each reading costs */
};

static __always_inline void find_texts(struct scratch *s, struct mm_struct *mm, struct texts *texts)
{
	texts->with_environ = config.with_environ;
	texts->from = mm->arg_start;
	texts->argv = mm->arg_end - texts->from;
	texts->want = texts->argv;
	if (!texts->with_environ)
		return;
	flag(s, EXEC_ENVIRON);
	if (mm->env_start == mm->arg_end)
		texts->want = mm->env_end - texts->from;
	else
		flag(s, EXEC_ERROR_ENVIRON);
}

/* Reads no more than `most`. */
static __always_inline void cut_texts(struct scratch *s, struct texts *texts, u64 most)
{
	if (texts->want <= most)
		return;
	texts->want = most;
	if (!texts->with_environ || texts->argv > most)
		flag(s, EXEC_TRUNCATED_ARGS);
	if (texts->with_environ)
		flag(s, EXEC_TRUNCATED_ENVIRON);
}

/*
 * Appends the texts to `rec`, a buffer of `size` bytes. If a page of them is not in memory, what
 * lies before the first page boundary is kept: a loop over all pages was tried and takes the
 * verifier minutes.
 */
static __always_inline void put_texts(struct rec_exec *rec, const u32 size, struct texts *texts)
{
	u64 head = PAGE_BYTES - (texts->from & (PAGE_BYTES - 1));
	u64 pos = rec->h.size, want = texts->want, argv = texts->argv;
	void *from = (void *)texts->from;

	rec->args_len = 0;
	if (pos > HEAD_BYTES || want > size - HEAD_BYTES) {
		rec->h.flags |= EXEC_ERROR_ARGS;
		return;
	}
	if (bpf_probe_read_user((char *)rec + pos, want, from)) {
		if (texts->with_environ)
			rec->h.flags |= EXEC_ERROR_ENVIRON;
		if (!texts->with_environ || head < argv)
			rec->h.flags |= EXEC_ERROR_ARGS;
		if (head >= want || bpf_probe_read_user((char *)rec + pos, head, from))
			return;
		want = head;
	}
	rec->args_len = texts->with_environ && argv < want ? argv : want;
	rec->h.size = pos + want;
}

/* Sends the record with its texts read into a reservation of `size`; false: no room. */
static __always_inline bool send_reserved(struct scratch *s, const u32 size, struct texts *texts)
{
	struct rec_exec *rec = bpf_ringbuf_reserve(&ring, size, 0);
	u64 pos = s->rec.h.size;

	if (!rec)
		return false;
	if (pos > HEAD_BYTES)
		pos = HEAD_BYTES;
	bpf_probe_read_kernel(rec, pos, s);
	put_texts(rec, size, texts);
	bpf_ringbuf_submit(rec, 0);
	return true;
}

static __always_inline void send(struct scratch *s, struct mm_struct *mm)
{
	struct texts texts;
	u64 size;

	find_texts(s, mm, &texts);
	cut_texts(s, &texts, ARGS_BYTES);
	if (texts.want > MEDIUM_RECORD - HEAD_BYTES) {
		if (send_reserved(s, LARGE_RECORD, &texts))
			return;
	} else if (texts.want > SMALL_RECORD - HEAD_BYTES) {
		if (send_reserved(s, MEDIUM_RECORD, &texts))
			return;
	}
	/* also what is tried when the ring has no room for all of it: the start, marked as such */
	cut_texts(s, &texts, SMALL_RECORD - HEAD_BYTES);
	put_texts(&s->rec, SMALL_RECORD, &texts);
	size = s->rec.h.size;
	if (size > SMALL_RECORD || bpf_ringbuf_output(&ring, s, size, 0))
		count(COUNT_LOST_EXEC);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct kernfs_node *cgroup;
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
	cgroup = cgroup_node(task->cgroups);
	put_cgroup(s, cgroup);
	if (config.rate_events && over_rate(cgroup, &s->rec.h))
		flag(s, EXEC_THROTTLED);
	put_tty(s, task->signal->tty);
	put_names(s, bprm);
	put_paths(s, task->fs, bprm->file);
	send(s, task->mm);
	return 0;
}
