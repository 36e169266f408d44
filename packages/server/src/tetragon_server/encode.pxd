# SPDX-License-Identifier: Apache-2.0
# What of this module becomes C structures and functions where it is compiled; see tools/compile.py.

from tetragon_core.process cimport Process
from tetragon_server.process_bytes cimport ProcessSerializer
from tetragon_server.wire cimport delimited, tag, timestamp, varint

cdef class EventEncoder:
    cdef object _builder, _hooks
    cdef ProcessSerializer _serializer
    cdef bytes _origin
    cpdef encode(self, event)
    cdef bytes _exec_body(self, event)
    cdef bytes _exit_body(self, event, bytes when)
    cpdef bytes _process(self, Process process)
    cdef bytes _properties(self, Process process)
