# SPDX-License-Identifier: Apache-2.0
"""Flags of the hook and its settings file, with the names and defaults of Tetragon's hook.

Flags stand before or after the name of the hook; a list takes commas and may be given repeatedly. A
flag counts before the file, the file before the default.
"""

from __future__ import annotations

from tetragon_core.errors import TetragonError, UsageError

from . import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

__all__ = ["FLAGS", "Flag", "Options", "file_texts", "parse"]

LOG_NAME: Final = "tetragon-oci-hook.log"
SETTINGS_NAME: Final = "tetragon-oci-hook.json"
_UNITS: Final = (
    *(("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3)),
    *(("s", 1.0), ("m", 60.0), ("h", 3600.0)),
)
_MAX_SETTINGS: Final = 2**20
MAX_TIMEOUT_S: Final = 3600


class Flag:
    """A flag: its kind is that of the default."""

    def __init__(self, name: str, text: str, default: str | bool | tuple[str, ...] = "") -> None:  # noqa: FBT001  # a switch's default
        self.name = name
        self.default = default
        self.text = text

    @property
    def field(self) -> str:
        """Name in Options and in the settings file."""
        return self.name.replace("-", "_")


FLAGS: Final = (
    Flag("log-fname", f"log file; default: {LOG_NAME} beside the program"),
    Flag("log-level", "debug, info, warn or error", "info"),
    Flag("grpc-address", "address of the agent", "unix:///var/run/tetragon/tetragon.sock"),
    Flag("grpc-timeout", "what the hook may take at most, from its start to its end", "10s"),
    Flag("disable-grpc", "do not call the agent, only write the log", default=False),
    Flag("just-print-config", "print these settings and end", default=False),
    Flag(
        "annotations-namespace-key",
        "annotations that hold the namespace of a container's pod",
        ("io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace"),
    ),
    Flag("fail-cel-expr", "CEL over `annotations`: whether a failure stops the container"),
    Flag(
        "fail-allow-namespaces",
        "namespaces whose containers start in spite of a failure",
        ("kube-system",),
    ),
    Flag(
        "fail-allow-namespaces-regex",
        "the same as regular expressions, found anywhere in the name",
        (),
    ),
)
"""Every flag; the names, kinds and defaults are Tetragon's."""
_BY_NAME: Final = {flag.name: flag for flag in FLAGS}


class Options:
    """The settings of one call."""

    log_fname: str
    log_level: str
    grpc_address: str
    grpc_timeout: str
    disable_grpc: bool
    just_print_config: bool
    annotations_namespace_key: tuple[str, ...]
    fail_cel_expr: str
    fail_allow_namespaces: tuple[str, ...]
    fail_allow_namespaces_regex: tuple[str, ...]

    def __init__(self, hook: str, timeout_s: float) -> None:
        self.hook = hook
        self.timeout_s = timeout_s


def parse(words: list[str], directory: str, settings: Mapping[str, object]) -> Options:
    """Options of a command line; `directory` has the log by default.

    Raises UsageError in one line for what is no flag, no value, and for not exactly one hook.
    """
    given: dict[str, str | bool | tuple[str, ...]] = {}
    hooks: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            hooks += rest
            break
        if not word.startswith("-") or word == "-":
            hooks.append(word)
            continue
        flag, text = _flag_of(word, rest)
        value = _value(flag, text)
        before = given.get(flag.name, ())
        if isinstance(value, tuple) and isinstance(before, tuple):
            value = before + value
        given[flag.name] = value
    if len(hooks) != 1:
        raise UsageError(
            "hook: wanted the name of one hook (createRuntime, createContainer, poststop, ...) or "
            f"install, uninstall, status; found {' '.join(hooks) or 'none'}"
        )
    values = {flag.name: flag.default for flag in FLAGS} | _from_file(settings) | given
    options = Options(hooks[0], _seconds(str(values["grpc-timeout"])))
    for flag in FLAGS:
        setattr(options, flag.field, values[flag.name])
    options.log_fname = options.log_fname or f"{directory}/{LOG_NAME}"
    return options


def _flag_of(word: str, rest: list[str]) -> tuple[Flag, str]:
    """The flag that a word names, and its text, which may be the next word."""
    name, equals, text = word.removeprefix("--").partition("=")
    flag = _BY_NAME.get(name) if word.startswith("--") else None
    if flag is None:
        raise UsageError(f"hook: unknown flag {word.partition('=')[0]}")
    if isinstance(flag.default, bool):
        return flag, text if equals else "true"
    if not equals:
        if not rest:
            raise UsageError(f"hook: --{name} needs a value")
        text = rest.pop(0)
    return flag, text


def _value(flag: Flag, text: str) -> str | bool | tuple[str, ...]:
    if isinstance(flag.default, tuple):
        return tuple(part for part in text.split(",") if part)
    if not isinstance(flag.default, bool):
        return text
    if text not in {"true", "false", "1", "0", "yes", "no"}:
        raise UsageError(f"hook: --{flag.name} {text}: wanted true or false")
    return text in {"true", "1", "yes"}


def _from_file(settings: Mapping[str, object]) -> dict[str, str | bool | tuple[str, ...]]:
    """Values of a settings file; names in it may have `_`, `-`, or be inCamelCase."""
    values: dict[str, str | bool | tuple[str, ...]] = {}
    for flag in FLAGS:
        first, *more = flag.name.split("-")
        names = (flag.field, first + "".join(part.title() for part in more), flag.name)
        found = [settings[name] for name in names if name in settings]
        if not found:
            continue
        value = found[0]
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = ",".join(value)
        elif isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str):
            raise UsageError(f"{SETTINGS_NAME}: {flag.field} is neither text, list nor switch")
        values[flag.name] = _value(flag, value)
    return values


def file_texts(path: str) -> Mapping[str, object]:
    """The settings file's content, empty without one. Raises UsageError for a broken one."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib takes longer than the hook
            content = json_text.loads(file.read(_MAX_SETTINGS))
    except FileNotFoundError:
        return {}
    except (OSError, TetragonError) as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: wanted a JSON object")
    return content


def _seconds(text: str) -> float:
    """A duration such as 10s, 1m30s or 500ms; tetragon_core.durations has patterns, 6 ms."""
    total, rest = 0.0, text
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(number) :]
        # "ms" comes before "m".
        name, seconds = next((unit for unit in _UNITS if rest.startswith(unit[0])), ("", 0.0))
        if not name or number.count(".") > 1 or not number.strip("."):
            raise UsageError(f"hook: --grpc-timeout {text}: wanted a duration such as 10s or 500ms")
        total += float(number) * seconds
        rest = rest[len(name) :]
    if not 0 < total <= MAX_TIMEOUT_S:
        raise UsageError(f"hook: --grpc-timeout {text!r}: wanted more than 0 and at most 1h")
    return total
