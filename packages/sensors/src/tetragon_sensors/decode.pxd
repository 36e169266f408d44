# SPDX-License-Identifier: Apache-2.0
# What of this module becomes C functions where it is compiled; see tools/compile.py.

from tetragon_core.messages cimport ExecMessage, ExitMessage, ForkMessage

cpdef decode(record)
cdef tuple _unpack(layout, least, record)
