# SPDX-License-Identifier: Apache-2.0
# What of this module becomes C structures and functions where it is compiled; see tools/compile.py.

from tetragon_core.cache cimport ProcessCache
from tetragon_core.messages cimport ExecMessage, ExitMessage, ForkMessage
from tetragon_core.process cimport Process
from tetragon_core.stats cimport Stats

cdef class Observer:
    cdef public ProcessCache cache
    cdef public Process kernel
    cdef public object throttling, cgroups
    cdef object _clock, _node, _redaction, _environment_names
    cdef Stats _stats
    cpdef feed(self, message)
    cdef _on_exec(self, ExecMessage message)
    cdef _on_cgroup(self, message)
    cdef _environment(self, memory, image)
    cdef _on_fork(self, ForkMessage message)
    cdef _on_exit(self, ExitMessage message)
    cdef Process _resolve(self, tgid, ktime_ns)
    cdef Process _begin(self, key, Process parent, parent_key)
    cdef _end(self, Process process, ktime_ns)
    cdef Process _unknown(self, ExitMessage message)
    cdef Process _enter_scanned(self, scanned, verdict)

cdef _start_tick(Process process)
cdef bint _is_marked(Process process)
