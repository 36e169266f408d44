# SPDX-License-Identifier: Apache-2.0
# What of this module becomes a C structure where it is compiled; see tools/compile.py.

cdef class _KernelMessage:
    cdef public object process_tgid, process_ktime_ns

cdef class ExecMessage(_KernelMessage):
    cdef public object previous_tgid, previous_ktime_ns, parent_tgid, parent_ktime_ns
    cdef public object fork_ktime_ns, nspid, flags, cwd, text_bytes, record, read_details, environ
    cdef object _details

cdef class ForkMessage(_KernelMessage):
    cdef public object parent_tgid, parent_ktime_ns, nspid

cdef class ExitMessage(_KernelMessage):
    cdef public object ktime_ns, code, kernel_thread
