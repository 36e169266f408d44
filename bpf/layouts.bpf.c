// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Never loaded: makes clang put every type of wire.h into one object's BTF, enums too, so that
 * tools/gen_wire.py can read them there.
 */
#include "include/kernel.h"
#include "include/wire.h"

struct layouts {
	struct rec_exec exec;
	struct rec_fork fork;
	struct rec_exit exit;
	struct rec_throttle throttle;
	struct rec_cgroup cgroup;
	struct cgroup_rate rate;
	struct proc_entry entry;
	struct loader_config config;
	struct control control;
	enum rec_kind rec_kind;
	enum exec_flag exec_flag;
	enum exit_flag exit_flag;
	enum cgroup_flag cgroup_flag;
	enum proc_flag proc_flag;
	enum cgroup_hierarchy cgroup_hierarchy;
	enum counter counter;
} layouts;
