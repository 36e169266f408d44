# SPDX-License-Identifier: Apache-2.0
"""`agent --check-config`: everything that can be known to be wrong without running the agent.

Opens no socket and asks nothing of the kernel, so it needs root only where the files do.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UsageError
from tetragon_core.policy.problems import PolicyError

from ..config import DEFAULT_POLICY_DIR, OPTIONS
from ..config.writing import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..config import AgentConfig
    from .reading import Settings, SettingsReader

__all__ = ["check_settings"]

_ADDRESSES: Final = ("server-address", "health-server-address", "metrics-server")
_WRITTEN_FILES: Final = ("export-filename", "log-file", "audit-log")


def check_settings(reader: SettingsReader) -> tuple[list[str], int]:
    """Lines to print, and the exit code: 1 if something is wrong."""
    try:
        settings = reader.settings()
    except TetragonError as error:
        return _lines(error), 1
    problems = [settings.placed(text) for look in _LOOKS for text in look(settings.config)]
    if problems:
        return problems, 1
    warnings = [f"warning: {text}" for text in settings.warnings]
    return ["configuration is valid", *warnings, *_effective(settings)], 0


def _effective(settings: Settings) -> Iterator[str]:
    """What differs from the defaults, and why."""
    for path in settings.read:
        yield f"read: {path}"
    for option in OPTIONS:
        value = getattr(settings.config, option.field_name)
        if value != option.default:
            place = settings.given[option.name].place
            text = " ".join(written(option.kind, value).split())
            yield f"{option.name}: {text} [{place}]"


def _lines(error: TetragonError) -> list[str]:
    """One for each problem."""
    problems = getattr(error, "problems", ())
    if isinstance(error, PolicyError):
        return [problem.text(error.source) for problem in error.problems]
    return list(problems) or [str(error)]


def _addresses(config: AgentConfig) -> Iterator[str]:
    from ..listeners import check_address  # noqa: PLC0415  # only to check

    for name in _ADDRESSES:
        address = getattr(config, name.replace("-", "_"))
        if address:
            yield from _refused(partial(check_address, address), f"{name}: ")
    if config.server_address and config.socket_path:
        yield from _refused(lambda: check_address(f"unix://{config.socket_path}"), "unix-socket: ")


def _refused(act: Callable[[], object], prefix: str = "") -> Iterator[str]:
    try:
        act()
    except TetragonError as error:
        yield from (f"{prefix}{line}" for line in _lines(error))
    except OSError as error:
        yield f"{prefix}{error.filename}: {error.strerror}"


def _host(config: AgentConfig) -> Iterator[str]:
    if not Path(config.procfs, "self").exists():
        yield f"procfs {config.procfs}: it is no proc file system"
        return
    from ..rails import enforcement_limits  # noqa: PLC0415  # only to check

    yield from _refused(lambda: enforcement_limits(config))


def _access(config: AgentConfig) -> Iterator[str]:
    from ..access.rules import AccessRules  # noqa: PLC0415  # only to check

    yield from _refused(lambda: AccessRules(config.read_only, config.full_access))
    if config.has_tls:
        from ..tls import build_context  # noqa: PLC0415  # loads OpenSSL

        yield from _refused(
            lambda: build_context(config), "server-tls-cert-file, server-tls-key-file: "
        )


def _redaction(config: AgentConfig) -> Iterator[str]:
    from ..redaction import read_redaction  # noqa: PLC0415  # loads re2

    yield from _refused(lambda: read_redaction(config.redaction_filters))


def _files(config: AgentConfig) -> Iterator[str]:
    for name in _WRITTEN_FILES:
        path = getattr(config, name.replace("-", "_"))
        if path:
            yield from _refused(partial(_check_writable, Path(path)), f"{name}: ")
            if name != "export-filename" and not Path(path).parent.exists():
                yield f"{name}: {path}: no such directory; make it"


def _check_writable(path: Path) -> None:
    """The file itself, or the nearest directory that is there: the export makes missing ones."""
    if path.is_dir():
        raise UsageError(f"{path} is a directory; write a file's name")
    nearest = next(one for one in (path, *path.absolute().parents) if one.exists())
    if nearest != path and not nearest.is_dir():
        raise UsageError(f"{path}: {nearest} is no directory")
    if not os.access(nearest, os.W_OK):
        raise UsageError(f"{path}: {nearest} cannot be written to")


def _policies(config: AgentConfig) -> Iterator[str]:
    for name in config.tracing_policy:
        yield from _policy("tracing-policy", Path(name))
    directory = Path(config.tracing_policy_dir)
    if not config.tracing_policy_dir:
        return
    if not directory.is_absolute():
        yield f"tracing-policy-dir: {directory}: the path has to be absolute"
        return
    paths: list[Path] = []
    yield from _refused(lambda: paths.extend(_policy_files(directory)), "tracing-policy-dir: ")
    for path in paths:
        yield from _policy("tracing-policy-dir", path)


def _policy_files(directory: Path) -> list[Path]:
    """Raises OSError, but not when the default directory is missing."""
    from ..policies.files import policy_files  # noqa: PLC0415  # only to check

    try:
        return policy_files(directory)
    except FileNotFoundError:
        if str(directory) != DEFAULT_POLICY_DIR:
            raise
        return []


def _policy(option: str, path: Path) -> Iterator[str]:
    from ..policies.files import FileBusyError, read_file  # noqa: PLC0415  # only to check
    from ..policies.reading import read_policy  # noqa: PLC0415  # as above

    try:
        yield from _refused(lambda: read_policy(read_file(path), str(path)), f"{option}: ")
    except FileBusyError:
        yield f"{option}: {path}: somebody is writing to it"


_LOOKS: Final[tuple[Callable[[AgentConfig], Iterator[str]], ...]] = (
    _addresses,
    _access,
    _redaction,
    _files,
    _host,
    _policies,
)
