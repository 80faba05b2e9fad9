"""What containers are told: each form that people write, its one canonical form, and what is said of others."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import pytest

from full_case import LOCK, SPEC
from onedigest.definition.container_values import ports, stop_signal, volumes
from onedigest.definition.healthcheck import Healthcheck, duration_text, healthcheck
from onedigest.definition.spec import Spec
from onedigest.errors import InputError
from onedigest.plan.arrange import arrange


def settings(spec: Spec) -> dict[str, object]:
    found: dict[str, object] = json.loads(arrange(spec, LOCK, []).platforms[0].config)["config"]
    return found


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("SIGTERM", "SIGTERM"),
        ("TERM", "SIGTERM"),
        ("sigquit", "SIGQUIT"),
        (15, "SIGTERM"),
        ("2", "SIGINT"),
        ("WINCH", "SIGWINCH"),
        ("SIGCLD", "SIGCHLD"),
        ("RTMIN+3", "SIGRTMIN+3"),
        ("SIGRTMIN", "SIGRTMIN"),
        ("SIGRTMIN+0", "SIGRTMIN"),
        (37, "SIGRTMIN+3"),
        (64, "SIGRTMAX"),
        ("SIGRTMAX-14", "SIGRTMAX-14"),
    ],
)
def test_signal_has_one_name(written: object, canonical: str) -> None:
    assert stop_signal(written) == canonical


def test_signals_have_the_numbers_of_linux() -> None:
    for each in signal.Signals:
        if each.value < signal.SIGRTMIN:
            assert stop_signal(each.value) == stop_signal(each.name)


@pytest.mark.parametrize(
    "wrong", ["", "SIG", "NOPE", 0, 32, 65, -1, "1e1", "٢", "SIGRTMIN+16", "SIGRTMIN+ 3", "TERM\n"]
)
def test_other_signals_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="which is no signal of Linux; write for example `SIGTERM`"):
        stop_signal(wrong)


@pytest.mark.parametrize("wrong", [True, 1.5, ["SIGTERM"], None])
def test_signal_is_a_name_or_a_number(wrong: object) -> None:
    with pytest.raises(ValueError, match="is not a string"):
        stop_signal(wrong)


def test_ports_are_listed_by_number() -> None:
    assert ports([8080, "53/udp", "53", "9001-9003/sctp", 8080]) == (
        "53/tcp", "53/udp", "8080/tcp", "9001/sctp", "9002/sctp", "9003/sctp",
    )  # fmt: skip
    assert ports([]) == ()


@pytest.mark.parametrize(
    "wrong", [0, 65536, -1, "", "80/icmp", "80:8080", "90-80", "1-70000", "http", "\uff18\uff10", "080000"]
)
def test_other_ports_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match='which is no port; write 8080, "5353/udp" or "8000-8010"'):
        ports([wrong])


@pytest.mark.parametrize("wrong", [8080, "8080", {"80": {}}, [True], [8.5], [["80"]]])
def test_ports_are_a_list(wrong: object) -> None:
    with pytest.raises(ValueError, match='is not a list of ports, such as \\[8080, "5353/udp"\\]'):
        ports(wrong)


@pytest.mark.parametrize("wrong", [["1-65535"], [f"{number}-{number + 499}" for number in (1, 1000, 2000)]])
def test_ports_are_bounded(wrong: list[str]) -> None:
    with pytest.raises(ValueError, match="has more than 1000 ports"):
        ports(wrong)


def test_volumes_are_sorted() -> None:
    assert volumes(["/data", "/cache/x", "/data"]) == ("/cache/x", "/data")


@pytest.mark.parametrize("wrong", ["data", "/data/", "/a/../b", "//x", "", "./x", "/a\nb"])
def test_volume_is_a_plain_path(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"which is no absolute path without `\.`, `\.\.` or a slash at its end"):
        volumes([wrong])


@pytest.mark.parametrize("wrong", ["/", "/a:ro", "/a\\b", "/a ", "/a\u2003"])
def test_some_paths_are_no_volumes(wrong: str) -> None:
    with pytest.raises(ValueError, match="which no container can have as a volume"):
        volumes([wrong])


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (False, Healthcheck(test=("NONE",))),
        (["NONE"], Healthcheck(test=("NONE",))),
        (["curl", "-f", "x"], Healthcheck(test=("CMD", "curl", "-f", "x"))),
        (["CMD", "curl"], Healthcheck(test=("CMD", "curl"))),
        (["CMD-SHELL", "curl x"], Healthcheck(test=("CMD-SHELL", "curl x"))),
        ("[ -f /x ]", Healthcheck(test=("CMD-SHELL", "[ -f /x ]"))),
        ("  curl -f x ", Healthcheck(test=("CMD-SHELL", "curl -f x"))),
        (
            {"command": ["x"], "interval": "1m30s", "timeout": "500ms", "start-period": "1h", "start-interval": "0s"},
            Healthcheck(test=("CMD", "x"), times=(("interval", 90_000), ("timeout", 500), ("start-period", 3_600_000))),
        ),
        ({"command": ["x"], "retries": 3}, Healthcheck(test=("CMD", "x"), retries=3)),
    ],
)
def test_check_of_health_has_one_form(written: object, found: Healthcheck) -> None:
    assert healthcheck(written) == found


WRONG = "has a `command` that is neither a line of a shell nor a list of words"
NO_TABLE = 'is neither false nor a table with a `command`, such as { command = ["/opt/venv/bin/check"] }'


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (True, NO_TABLE),
        ({}, NO_TABLE),
        ({"interval": "30s"}, NO_TABLE),
        (8, NO_TABLE),
        ({"test": ["CMD", "x"]}, "has the key 'test'; its keys are command, interval, timeout, start-period,"
         " start-interval, retries"),
        ([], WRONG),
        (["CMD"], WRONG),
        ("", WRONG),
        (" ", WRONG),
        ([""], WRONG),
        (["CMD-SHELL", "a", "b"], WRONG),
        ([1], "is not a list of strings"),
        ("a\nb", "has a line break or another control character in its `command`"),
        (["a", "b\x07"], "has a line break or another control character in its `command`"),
        ("a \\", "has a `command` that ends in a backslash, or is a list in a string"),
        ('[ "a" ]', "has a `command` that ends in a backslash, or is a list in a string"),
        ('["a", "b"]', "has a `command` that ends in a backslash, or is a list in a string"),
        ({"command": ["x"], "interval": 30}, 'has `interval` that is no duration; write for example "30s", "1m30s" or'
         ' "500ms"'),
        ({"command": ["x"], "timeout": "30"}, 'has `timeout` that is no duration; write for example "30s", "1m30s" or'
         ' "500ms"'),
        ({"command": ["x"], "timeout": ""}, 'has `timeout` that is no duration; write for example "30s", "1m30s" or'
         ' "500ms"'),
        ({"command": ["x"], "retries": -1}, "has `retries` that are no number of failures"),
        ({"command": ["x"], "retries": True}, "has `retries` that are no number of failures"),
    ],
)  # fmt: skip
def test_other_checks_are_refused(written: object, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        healthcheck(written)

    assert str(caught.value) == said


@pytest.mark.parametrize(("milliseconds", "text"), [(1000, "1s"), (90_000, "90s"), (1500, "1500ms"), (1, "1ms")])
def test_duration_has_one_form(milliseconds: int, text: str) -> None:
    assert duration_text(milliseconds) == text


def test_configuration_says_what_containers_are_told() -> None:
    check = Healthcheck(test=("CMD", "x"), times=(("interval", 1500), ("start-period", 1000)), retries=2)
    found = settings(replace(SPEC, expose=("80/tcp",), volumes=("/data",), healthcheck=check, stop_signal="SIGTERM"))

    assert found["ExposedPorts"] == {"80/tcp": {}}
    assert found["Volumes"] == {"/data": {}}
    assert found["StopSignal"] == "SIGTERM"
    assert found["Healthcheck"] == {
        "Test": ["CMD", "x"], "Interval": 1_500_000_000, "StartPeriod": 1_000_000_000, "Retries": 2,
    }  # fmt: skip


def test_configuration_of_a_plain_script_has_the_signal_alone() -> None:
    assert {"ExposedPorts", "Volumes", "Healthcheck"} & settings(SPEC).keys() == set()
    assert settings(SPEC)["StopSignal"] == "SIGINT"
    assert settings(replace(SPEC, healthcheck=Healthcheck(test=("NONE",))))["Healthcheck"] == {"Test": ["NONE"]}


def test_check_that_a_shell_reads_needs_one() -> None:
    spec = replace(SPEC, healthcheck=Healthcheck(test=("CMD-SHELL", "true")))
    bare = replace(LOCK.base, essential_packages=(), system_packages=())
    with pytest.raises(InputError) as caught:
        arrange(spec, replace(LOCK, base=bare), [])

    assert str(caught.value) == (
        "full.py: the image has no /bin/sh, which reads the `command` of `healthcheck`\n"
        'hint: write the `command` as a list of words, or add "dash" to `system-packages`'
    )
    shell = replace(LOCK.base.system_packages[0], name="dash")
    arrange(spec, replace(LOCK, base=replace(bare, system_packages=(shell,))), [])


def test_signal_that_only_looks_like_one_is_none() -> None:
    with pytest.raises(ValueError, match="no signal of Linux"):
        stop_signal("s\u0131gterm")
