# SPDX-License-Identifier: Apache-2.0
"""`getevents` with filters: the request of an agent, the same filters for files, and bad values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from google.protobuf import json_format

from tetragon import events_pb2 as events_pb
from tetragon_cli.event_filters import EventChoice, event_filter_options
from tetragon_server.filters import FilterError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

Filter = events_pb.Filter
EVENTS = "".join(
    f"{json.dumps(event)}\n"
    for event in (
        {"process_exec": {"process": {"binary": "/bin/ls", "pid": 1}, "parent": {"pid": 9}}},
        {"process_exec": {"process": {"binary": "/bin/cat", "pid": 2, "pod": {"namespace": "x"}}}},
        {"process_exit": {"process": {"binary": "/bin/ls", "pid": 1}}},
        {"brand_new": {}, "node_name": "n"},
    )
)


@click.command()
@event_filter_options
def chosen(choice: EventChoice) -> EventChoice:
    """A command with nothing but the options."""
    return choice


def choose(*words: str) -> EventChoice:
    """What `getevents WORDS` asks for; click's error for words that are wrong."""
    result = CliRunner().invoke(chosen, words, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    choice = result.return_value
    assert isinstance(choice, EventChoice)
    return choice


def field_filter(action: events_pb.FieldFilterAction, *paths: str) -> events_pb.FieldFilter:
    return events_pb.FieldFilter(action=action, fields={"paths": paths})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Filter()),
        (["-n", "a,b", "--namespace=c"], Filter(namespace=["a", "b", "c"])),
        (["--namespaces", "a", "-n", "b"], Filter(namespace=["b", "a"])),
        (["--host"], Filter(namespace=[""])),
        (["--host", "--namespace", "a"], Filter(namespace=["a", ""])),
        (["--host=false"], Filter()),
        (["-n", ""], Filter()),
        (["--namespace-regex", "^a"], Filter(namespace_regex=["^a"])),
        (["--pod", "a", "--pods", "b"], Filter(pod_regex=["a", "b"])),
        (["--containers", "a,b"], Filter(container_name_regex=["a", "b"])),
        (["--process", "a", "--processes", "b,c"], Filter(binary_regex=["a", "b", "c"])),
        (["--policy-names", "a,b"], Filter(policy_names=["a", "b"])),
        (["--process", '"a{1,2}",b'], Filter(binary_regex=["a{1,2}", "b"])),
        (
            ["--cel-expression", '"f(""a"", 1)",x == \'y\''],
            Filter(cel_expression=['f("a", 1)', "x == 'y'"]),
        ),
        (["-e", "PROCESS_EXIT", "-e", "UNDEF"], Filter(event_set=["PROCESS_EXIT", "UNDEF"])),
        (
            ["--process", "a", "-e", "PROCESS_EXEC", "--pod", "p"],
            Filter(binary_regex=["a"], event_set=["PROCESS_EXEC"], pod_regex=["p"]),
        ),
    ],
)
def test_the_request_is_tetragons(words: list[str], expected: events_pb.Filter) -> None:
    """One filter with everything in it, always, and no field filters."""
    assert choose(*words).request() == events_pb.GetEventsRequest(allow_list=[expected])


def test_the_request_for_fields() -> None:
    """At most one field filter for each direction, whatever the order of the options."""
    choice = choose("-F", "parent", "-f", "process.pid,parent", "--include-fields", "time")

    include = field_filter(events_pb.INCLUDE, "process.pid", "parent", "time")
    exclude = field_filter(events_pb.EXCLUDE, "parent")
    assert choice.request() == events_pb.GetEventsRequest(
        allow_list=[Filter()], field_filters=[include, exclude]
    )


def test_the_request_reaches_the_agent(agent: Any, run_client: Run) -> None:
    """As it is made from the options."""
    words = ["-e", "PROCESS_EXEC", "--process", "a,b", "-F", "parent"]

    done = run_client("getevents", "--server-address", agent.address, *words)

    assert done.returncode == 0
    assert agent.requests == [choose(*words).request()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [0, 1, 2, 3]),
        (["-e", "PROCESS_EXIT"], [2]),
        (["--process", "ls$"], [0, 2]),
        (["--process", "ls$", "-e", "PROCESS_EXEC"], [0]),
        (["--host"], [0, 2]),
        (["--namespace", "x"], [1]),
        (["--cel-expression", "process_exec.process.pid < 3u"], [0, 1]),
        (["-e", "UNDEF"], [3]),
    ],
)
def test_events_are_chosen_as_an_agent_would(words: list[str], expected: list[int]) -> None:
    """Those of files, one by one."""
    events = [
        json_format.Parse(line, events_pb.GetEventsResponse(), ignore_unknown_fields=True)
        for line in EVENTS.splitlines()
    ]

    assert [events[number] for number in expected] == list(choose(*words).select(iter(events)))


def test_files_are_filtered_by_the_client(run_client: Run, tmp_path: Path) -> None:
    """From standard input and from --input alike."""
    file = tmp_path / "events.json"
    file.write_text(EVENTS)
    words = ["getevents", "-o", "json", "--process", "ls$", "-e", "PROCESS_EXEC"]

    for done in (run_client(*words, text=EVENTS), run_client(*words, "--input", str(file))):
        assert (done.returncode, done.stderr) == (0, "")
        assert [json.loads(done.stdout)] == [json.loads(EVENTS.splitlines()[0])]


def test_fields_of_files(run_client: Run) -> None:
    """Field filters after filters: these may look at what is not shown."""
    words = ["--process", "ls", "-f", "process,parent", "-F", "process.binary"]

    done = run_client("getevents", "-o", "json", *words, text=EVENTS)

    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"process_exec": {"process": {"pid": 1}, "parent": {"pid": 9}}},
        {"process_exit": {"process": {"pid": 1}}},
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-e", "PROCESS_EXEC,PROCESS_EXIT"], "'PROCESS_EXEC,PROCESS_EXIT' is not one of"),
        (["-e", "process_exec"], "'process_exec' is not one of"),
        (["--cel-expression", 'a == "b"'], '\'a == "b"\' has a wrong " at character 6'),
        (["--pod", '"a'], 'has a wrong " at character 1'),
        (["--pod", '"a"b'], 'has a wrong " at character 1'),
        (["--pod", 'a, "b"'], 'has a wrong " at character 4'),
    ],
)
def test_what_is_no_list(words: list[str], text: str) -> None:
    """Wrong values name their option and the place."""
    with pytest.raises(click.BadParameter) as failed:
        choose(*words)

    assert text in failed.value.message


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--process", "a(b"], "binary_regex: 'a(b' is no RE2 pattern"),
        (["--cel-expression", "1"], "cel_expression: '1': "),
        (["-f", "a..b"], "field_filters: 'a..b' has an empty name"),
        (["-F", ","], "field_filters: '' has an empty name"),
    ],
)
def test_what_is_no_filter(words: list[str], text: str) -> None:
    """Before any event is read."""
    with pytest.raises(FilterError) as failed:
        choose(*words).select(iter(()))

    assert str(failed.value).startswith(text)


def test_bad_filters_are_one_line(run_client: Run) -> None:
    """And nothing is printed."""
    done = run_client("getevents", "--process", "a(b", text=EVENTS)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: binary_regex: 'a(b' is no RE2 pattern: missing ): a(b\n"


def test_hidden_synonyms(run_client: Run) -> None:
    """Old names work and are not advertised."""
    done = run_client("getevents", "--help")

    assert "--policy-names" in done.stdout
    for word in ("--namespaces", "--processes", "--pods", "--containers"):
        assert word not in done.stdout
