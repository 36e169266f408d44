# SPDX-License-Identifier: Apache-2.0
# What of this module becomes a C structure where it is compiled; see tools/compile.py.

from tetragon_core.process cimport Process
from tetragon_core.cache cimport ProcessCache

cdef class Observer:
    cdef public ProcessCache cache
    cdef public Process kernel
    cdef object _clock, _stats, _node
    cpdef feed(self, message)
    cdef _on_exec(self, message)
    cdef _on_fork(self, message)
    cdef _on_exit(self, message)
    cdef Process _resolve(self, key)
    cdef Process _begin(self, key, Process parent, parent_key)
    cdef _end(self, Process process, ktime_ns)
    cdef Process _unknown(self, message)
    cdef Process _enter_scanned(self, scanned, verdict)

cdef _start_tick(Process process)
cdef bint _is_marked(Process process)
