# SPDX-License-Identifier: Apache-2.0
"""What is written becomes a value, or a message that names the place and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.settings_host import Host
from tetragon_core.errors import UsageError
from tetragon_server.config.kinds import WORDS
from tetragon_server.settings.reading import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return a host without any setting."""
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("line", "field", "expected"),
    [
        ("enable-process-ns: true", "enable_process_ns", True),
        ("enable-process-ns: 'T'", "enable_process_ns", True),
        ("enable-process-ns: 0", "enable_process_ns", False),
        ("process-cache-size: 10", "process_cache_size", 10),
        ("process-cache-gc-interval: 1h30m", "process_cache_gc_interval", 5400.0),
        ("rb-size-total: 8M", "rb_size_total", 8 << 20),
        ("export-file-perm: 0640", "export_file_perm", "0640"),
        ("cluster-name: 1e3", "cluster_name", "1e3"),
        ("cluster-name:", "cluster_name", ""),
        ("procfs: /procRoot/", "procfs", "/procRoot"),
        ("enable-ancestors: [base, kprobe]", "enable_ancestors", ("base", "kprobe")),
        ("enable-ancestors: base, kprobe", "enable_ancestors", ("base", "kprobe")),
        ("enable-ancestors: base kprobe", "enable_ancestors", ("base", "kprobe")),
        ("enable-ancestors: []", "enable_ancestors", ()),
        ('never-kill: ["/a,b", "7"]', "never_kill", ("/a,b", "7")),
        ("never-kill: |\n  /a,b\n  7\n", "never_kill", ("/a,b", "7")),
        ("log-format: fancy", "log_format", "fancy"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_yaml_values(host: Host, line: str, field: str, expected: Any) -> None:
    """A value needs no quotes, whatever YAML would make of it."""
    host.write("etc.yaml", line)

    assert expected == getattr(host.settings().config, field)


@pytest.mark.parametrize(
    ("source", "texts", "expected"),
    [
        ("environment", ("base,kprobe",), ("base", "kprobe")),
        ("environment", ("base kprobe",), ("base", "kprobe")),
        ("admin", ("base, kprobe",), ("base", "kprobe")),
        ("admin", ("base\nkprobe",), ("base", "kprobe")),
        ("flag", ("base,kprobe", "lsm"), ("base", "kprobe", "lsm")),
    ],
    ids=str,
)
def test_lists(host: Host, source: str, texts: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """Commas everywhere; blanks where Tetragon takes them too."""
    host.set(source, "enable-ancestors", *texts)

    assert expected == host.settings().config.enable_ancestors


def test_an_empty_file_for_a_number_is_no_number(host: Host) -> None:
    """The default counts: charts write empty values for what was not chosen."""
    host.set("admin", "process-cache-size", "")

    assert 65_536 == host.settings().config.process_cache_size


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rb-size", "3x", '"3x" is no size; write it like 65536, 512K or 8M'),
        ("rb-size", "8m", '"8m" is no size; write it like 65536, 512K or 8M'),
        ("rb-size", "-1", '"-1" is no size; write it like 65536, 512K or 8M'),
        ("process-cache-size", "many", '"many" is no whole number'),
        ("process-cache-size", "0", "0 is out of range; at least 1"),
        ("debug", "yes", '"yes" is neither true nor false'),
        (
            "process-cache-gc-interval",
            "30",
            '"30" is no duration; write it like 30s, 5m or 1h30m',
        ),
        (
            "process-cache-gc-interval",
            "-5s",
            '"-5s" is no duration; write it like 30s, 5m or 1h30m',
        ),
        ("process-cache-gc-interval", "0s", "it has to be more than 0; write it like 30s"),
        ("username-metadata", "ldap", '"ldap" is none of disabled, unix'),
    ],
)
@pytest.mark.parametrize("source", ["flag", "environment", "etc", "admin"])
def test_a_wrong_value_is_told_with_its_place(
    host: Host, source: str, name: str, text: str, message: str
) -> None:
    """One line: where it is written, what it is, and how to write it."""
    host.set(source, name, f'"{text}"' if source == "etc" else text)

    with pytest.raises(SettingsError) as raised:
        host.settings()

    label = {
        "flag": f"--{name}",
        "environment": f"TETRAGON_{name.upper().replace('-', '_')}",
        "etc": f"{name} in {host.root}/etc.yaml:1",
        "admin": f"{name} in {host.root}/admin/{name}",
    }[source]
    assert f"{label}: {message}" == str(raised.value)


def test_a_wrong_value_that_does_not_count_is_no_error(host: Host) -> None:
    """A flag gets an agent running whose files are broken."""
    host.set("admin", "rb-size", "3x")
    host.set("flag", "rb-size", "4M")

    assert 4 << 20 == host.settings().config.rb_size


def test_all_problems_are_found_at_once(host: Host) -> None:
    """The first is told, and where to see the others."""
    host.set("admin", "rb-size", "3x")
    host.set("environment", "debug", "maybe")

    with pytest.raises(SettingsError) as raised:
        host.settings()

    assert 2 == len(raised.value.problems)
    assert str(raised.value).endswith(" (1 more: see agent --check-config)")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"rb-size": "1M", "rb-size-total": "8M"},
            (
                "rb-size and rb-size-total exclude each other; give one of them"
                " [--rb-size, --rb-size-total]"
            ),
        ),
        (
            {"execve-map-entries": "10", "execve-map-size": "8M"},
            (
                "execve-map-entries and execve-map-size exclude each other; give one of them"
                " [--execve-map-entries, --execve-map-size]"
            ),
        ),
        ({"rb-size": "1K"}, "rb-size is 1024 bytes; a ring buffer has 4K to 2G [--rb-size]"),
        (
            {"k8s-controlplane-retry": "0"},
            (
                "k8s-controlplane-retry is 0; write how often to try, or -1 to start without the"
                " API server [--k8s-controlplane-retry]"
            ),
        ),
        (
            {"bpf-dir": "a.b"},
            "bpf-dir is 'a.b'; write letters, digits, - and _ only [--bpf-dir]",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_values_that_do_not_fit_are_told_with_their_places(
    host: Host, settings: dict[str, str], message: str
) -> None:
    """Each option in the message is followed to where it was set."""
    for name, text in settings.items():
        host.set("flag", name, text)

    with pytest.raises(SettingsError) as raised:
        host.settings()

    assert message == str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", ":1: settings are written `option: value`, one on each line"),
        ("a: 1\n---\nb: 2\n", ":3: more than one document; write all settings into one"),
        ("debug: true\ndebug: false\n", ":2: debug is set twice; first at {path}:1"),
        (
            "export-allowlist:\n  event_set: [PROCESS_EXEC]\n",
            ":2: export-allowlist is a mapping; write it as text, in quotes or after `|`",
        ),
        (
            "enable-ancestors: [[base]]\n",
            ":1: enable-ancestors is a list of more than words; write it as text",
        ),
        ("[a]: 1\n", ":1: an option's name is a word"),
        ("a: 'b\n", ":2:1: "),
    ],
)
def test_a_broken_file_is_told_with_its_line(host: Host, text: str, message: str) -> None:
    """Tetragon ignores such a file in silence."""
    path = host.write("etc.yaml", text)

    with pytest.raises(UsageError) as raised:
        host.settings()

    assert str(raised.value).startswith(f"{path}{message.format(path=path)}")


def test_an_option_without_effect_gets_one_warning(host: Host) -> None:
    """It says what happens instead; Tetragon's default is no news."""
    host.set("flag", "gops-address", "localhost:8118")
    host.set("admin", "use-perf-ring-buffer", "false")
    host.set("environment", "data-cache-size", "1024")

    settings = host.settings()

    assert (
        "--gops-address has no effect: the agent is no Go program; use py-spy or perf",
    ) == settings.warnings
    assert {"gops-address", "use-perf-ring-buffer", "data-cache-size"} == set(
        dict(settings.config.others)
    )


def test_an_unknown_key_gets_a_warning_and_a_guess(host: Host) -> None:
    """Tetragon takes it in silence."""
    host.set("admin", "cluster-nmae", "c")

    settings = host.settings()

    assert (
        (
            f"cluster-nmae in {host.root}/admin/cluster-nmae is no option and has no effect"
            ' (did you mean "cluster-name"?)'
        ),
    ) == settings.warnings
    assert (("cluster-nmae", "c"),) == settings.config.others


def test_other_variables_are_not_looked_at(host: Host) -> None:
    """Kubernetes makes such, for a service named tetragon."""
    host.environment |= {
        "TETRAGON_SERVICE_HOST": "10.0.0.1",
        "TETRAGON_SERVICE_PORT_METRICS": "2112",
        "TETRAGON_PORT": "tcp://10.0.0.1:2112",
        "TETRAGON_PORT_2112_TCP_ADDR": "10.0.0.1",
    }

    assert ((), ()) == (host.settings().warnings, host.settings().config.others)


def test_a_mistyped_variable_gets_a_guess(host: Host) -> None:
    """It would have no effect, and nobody would notice."""
    host.environment["TETRAGON_LOG_LVEL"] = "debug"

    assert (
        (
            "TETRAGON_LOG_LVEL is no option's variable and has no effect"
            " (did you mean TETRAGON_LOG_LEVEL?)"
        ),
    ) == host.settings().warnings


def test_a_line_end_among_words() -> None:
    """It is refused in one line, with what to write."""
    with pytest.raises(ValueError, match=r"^'a\\nb' has a line end; separate words by commas$"):
        WORDS.parse("a\nb")
