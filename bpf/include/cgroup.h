/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which cgroup a task is in, in the hierarchy that names containers on this host. */
#ifndef TM_CGROUP_H
#define TM_CGROUP_H

/* The array of a css_set is indexed by the kernel's own numbers, which CO-RE puts in here. */
#define CSS(set, id)                                                                  \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, id)                        \
		 ? &(set)->subsys[0] + bpf_core_enum_value(enum cgroup_subsys_id, id) \
		 : NULL)

static __always_inline struct kernfs_node *cgroup_node(struct css_set *set)
{
	struct cgroup_subsys_state **at = NULL, *css;

	switch (config.cgroup_hierarchy) {
	case CGROUP_MEMORY:
		at = CSS(set, memory_cgrp_id);
		break;
	case CGROUP_PIDS:
		at = CSS(set, pids_cgrp_id);
		break;
	case CGROUP_CPUSET:
		at = CSS(set, cpuset_cgrp_id);
		break;
	default:
		return BPF_CORE_READ(set, dfl_cgrp, kn);
	}
	if (!at || bpf_probe_read_kernel(&css, sizeof(css), at))
		return NULL;
	return BPF_CORE_READ(css, cgroup, kn);
}

#endif
