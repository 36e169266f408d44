# SPDX-License-Identifier: Apache-2.0
"""Flags and settings of the hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tetragon_core.errors import UsageError
from tetragon_crio_hook.options import FLAGS, Options, file_texts, parse

if TYPE_CHECKING:
    from pathlib import Path


def parsed(*words: str, **settings: Any) -> Options:
    """Options of a hook in /d."""
    return parse(list(words), "/d", settings)


def test_defaults_are_tetragon_s() -> None:
    """Every flag with its default, as upstream's program prints them."""
    options = parsed("createRuntime")

    assert {
        "log_fname": "/d/tetragon-oci-hook.log",
        "log_level": "info",
        "grpc_address": "unix:///var/run/tetragon/tetragon.sock",
        "grpc_timeout": "10s",
        "disable_grpc": False,
        "just_print_config": False,
        "annotations_namespace_key": (
            "io.kubernetes.pod.namespace",
            "io.kubernetes.cri.sandbox-namespace",
        ),
        "fail_cel_expr": "",
        "fail_allow_namespaces": ("kube-system",),
        "fail_allow_namespaces_regex": (),
    } == {flag.field: getattr(options, flag.field) for flag in FLAGS}
    assert ("createRuntime", 10.0) == (options.hook, options.timeout_s)


def test_flags_stand_anywhere() -> None:
    """Before and after the hook, with = or without, lists in one or more."""
    options = parsed(
        *("--fail-allow-namespaces", "a,b", "createRuntime", "--fail-allow-namespaces=c"),
        *("--disable-grpc", "--log-level=debug", "--grpc-timeout", "1m2.5s"),
    )

    assert ("a", "b", "c") == options.fail_allow_namespaces
    assert (True, "debug", 62.5) == (options.disable_grpc, options.log_level, options.timeout_s)
    assert parsed("--disable-grpc=false", "--", "x").disable_grpc is False


def test_settings_count_before_defaults_and_after_flags() -> None:
    """Names with _, - and in camel case; lists as lists or texts."""
    options = parsed(
        *("x", "--log-level", "warn"),
        **{
            "log_level": "debug",
            "failAllowNamespaces": ["a", "b"],
            "fail-allow-namespaces-regex": "c,d",
            "disable_grpc": True,
            "unknown": 1,
        },
    )

    assert ("warn", ("a", "b"), ("c", "d"), True) == (
        options.log_level,
        options.fail_allow_namespaces,
        options.fail_allow_namespaces_regex,
        options.disable_grpc,
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "found none"),
        (["a", "b"], "found a b"),
        (["--bogus", "x"], "unknown flag --bogus"),
        (["-x"], "unknown flag -x"),
        (["x", "--log-level"], "--log-level needs a value"),
        (["x", "--disable-grpc=maybe"], "wanted true or false"),
        *((["x", f"--grpc-timeout={text}"], "--grpc-timeout") for text in ("", "5", "s", "1.2.3s")),
        *(
            (["x", f"--grpc-timeout={text}"], "--grpc-timeout")
            for text in ("0s", "-1s", "2h", "1x")
        ),
    ],
)
def test_wrong_words(words: list[str], expected: str) -> None:
    """One line says which."""
    with pytest.raises(UsageError, match=expected):
        parsed(*words)


def test_wrong_values_in_settings() -> None:
    """Neither a number nor an object is a text."""
    values: tuple[object, ...] = (5, {}, [1])
    for value in values:
        with pytest.raises(UsageError, match="log_level is neither"):
            parsed("x", log_level=value)


def test_the_settings_file(tmp_path: Path) -> None:
    """None is empty; a broken one is told with its path."""
    path = tmp_path / "s.json"
    assert {} == file_texts(str(path))
    path.write_text('{"log_level": "warn"}')
    assert {"log_level": "warn"} == file_texts(str(path))
    for text in ("", "[]", "{"):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"s\.json"):
            file_texts(str(path))


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h", 3600), ("250ms", 0.25), (".5s", 0.5), ("10us", 1e-5), ("1m1s", 61)]
)
def test_durations(text: str, seconds: float) -> None:
    """As Go writes them."""
    assert pytest.approx(seconds) == parsed("x", f"--grpc-timeout={text}").timeout_s
