# SPDX-License-Identifier: Apache-2.0
"""Files that others write, read so that no kind of file and no size can do harm."""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["read_file"]


def read_file(path: str, max_bytes: int) -> bytes:
    """The content of a regular file; OSError also for other kinds, for links and for more bytes."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no regular file", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return content
