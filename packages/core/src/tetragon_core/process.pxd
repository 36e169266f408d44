# SPDX-License-Identifier: Apache-2.0
# What of this module becomes a C structure where it is compiled; see tools/compile.py.

cdef class Process:
    cdef public object node, key, parent_key, pid, ktime_ns, nspid, start_time_ns, fork_time_ns
    cdef public object fork_ktime_ns, flags, image, in_init_tree, forked, exited
    cdef public Process parent
    cdef public object refcnt, cached_children, retired_ktime_ns, encoded, workload
    cdef object _exec_id
