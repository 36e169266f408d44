// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgroup_mkdir, cgroup_rename, cgroup_rmdir: a cgroup was made and nobody can see it yet, or move
 * into it; was renamed (v1 alone can); or was removed, after the last exit in it. Not
 * cgroup_release: what has memory charged to it is released when that memory is, which may take
 * days.
 *
 * Enters sub-cgroups of containers in the table of containers' cgroups, before anything can run in
 * them, and takes them out again. Emits struct rec_cgroup. Ring full: counted. Table full: counted.
 *
 * The kernel calls all of these with one spinlock held, interrupts off, so no two of them ever run
 * at once, on whichever CPU, and none is entered again: one copy is enough on every kernel.
 */
#include "include/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include "include/wire.h"
#include "include/maps.h"
#include "include/config.h"

#define TRACED_PATH_BYTES 1024 /* TRACE_CGROUP_PATH_LEN: the kernel cuts what is longer */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct scratch {
	struct rec_cgroup rec;
	char path[TRACED_PATH_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} cgroup_scratch SEC(".maps");

/* Whether it is in the v1 hierarchy of this controller; the v2 hierarchy has the number 0. */
#define HAS_CONTROLLER(root, id)                                                          \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, id) && (root)->hierarchy_id && \
	 (root)->subsys_mask & (1U << bpf_core_enum_value(enum cgroup_subsys_id, id)))

static __always_inline bool names_containers(struct cgroup_root *root)
{
	switch (config.cgroup_hierarchy) {
	case CGROUP_MEMORY:
		return HAS_CONTROLLER(root, memory_cgrp_id);
	case CGROUP_PIDS:
		return HAS_CONTROLLER(root, pids_cgrp_id);
	case CGROUP_CPUSET:
		return HAS_CONTROLLER(root, cpuset_cgrp_id);
	default:
		return root->hierarchy_id == 0;
	}
}

/* The path, or the name alone when the kernel may have cut the path. Returns its length. */
static __always_inline u32 put_path(struct scratch *s, struct cgroup *cgroup, const char *path)
{
	long n = bpf_probe_read_kernel_str(s->path, sizeof(s->path), path);

	if (n <= 0 || n >= sizeof(s->path)) {
		s->rec.h.flags |= CGROUP_NAME;
		n = bpf_probe_read_kernel_str(s->path, CGROUP_NAME_BYTES,
					      BPF_CORE_READ(cgroup, kn, name));
	}
	return n > 0 ? n - 1 : 0;
}

static __always_inline void emit(struct cgroup *cgroup, const char *path, u32 flags)
{
	u32 zero = 0, len = 0;
	struct scratch *s = bpf_map_lookup_elem(&cgroup_scratch, &zero);

	if (!s)
		return;
	__builtin_memset(&s->rec, 0, sizeof(s->rec));
	s->rec.h.kind = REC_CGROUP;
	s->rec.h.flags = flags;
	s->rec.ktime = bpf_ktime_get_boot_ns();
	s->rec.cgroup_id = cgroup->kn->id;
	s->rec.parent_id = BPF_CORE_READ(cgroup, self.parent, cgroup, kn, id);
	if (!(flags & CGROUP_GONE))
		len = put_path(s, cgroup, path);
	if (len > TRACED_PATH_BYTES)
		len = 0;
	s->rec.h.size = sizeof(s->rec) + len;
	if (bpf_ringbuf_output(&ring, s, sizeof(s->rec) + len, 0))
		count(COUNT_LOST_CGROUP);
}

/*
 * The verifier of kernels before 5.18 refuses to load an argument that points to a character, so
 * the path is read out of the context like any other memory.
 */
static __always_inline const char *traced_path(void *ctx)
{
	const char *path = NULL;

	bpf_probe_read_kernel(&path, sizeof(path), (u64 *)ctx + 1);
	return path;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_mkdir, struct cgroup *cgroup)
{
	u64 id, parent_id, *home;

	if (!armed() || !names_containers(cgroup->root))
		return 0;
	id = cgroup->kn->id;
	parent_id = BPF_CORE_READ(cgroup, self.parent, cgroup, kn, id);
	home = bpf_map_lookup_elem(&container_cgroups, &parent_id);
	if (home && bpf_map_update_elem(&container_cgroups, &id, home, BPF_ANY))
		count(COUNT_CONTAINERS_FULL);
	emit(cgroup, traced_path(ctx), 0);
	return 0;
}

SEC("tp_btf/cgroup_rename")
int BPF_PROG(on_rename, struct cgroup *cgroup)
{
	if (armed() && names_containers(cgroup->root))
		emit(cgroup, traced_path(ctx), CGROUP_RENAMED);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_rmdir, struct cgroup *cgroup)
{
	u64 id;

	if (!armed() || !names_containers(cgroup->root))
		return 0;
	id = cgroup->kn->id;
	bpf_map_delete_elem(&container_cgroups, &id);
	emit(cgroup, NULL, CGROUP_GONE);
	return 0;
}
