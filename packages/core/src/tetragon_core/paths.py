# SPDX-License-Identifier: Apache-2.0
"""The `binary` text of the API: the name given to exec, made absolute. Links are not followed."""

from __future__ import annotations

from posixpath import normpath

__all__ = ["absolute_binary"]


def absolute_binary(filename: str, cwd: str) -> str:
    """Join a relative name to the working directory and clean the result.

    Absolute names stay as given, also the /dev/fd/N the kernel makes up for exec by descriptor.
    With an unknown directory ("") the name is cleaned but stays relative.
    """
    if not filename or filename[0] == "/":
        return filename
    path = normpath(f"{cwd}/{filename}" if cwd else filename)
    # POSIX lets normpath keep two leading slashes; here they are one.
    return path[1:] if path.startswith("//") else path
