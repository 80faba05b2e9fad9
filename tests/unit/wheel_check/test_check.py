"""What is wrong with wheels, and what they share, is found by their directories, told once, and noted."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from golden import expected_files, script_of
from onedigest.assembler import wheel
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.digest import of_bytes
from onedigest.errors import Problem
from onedigest.from_source.model import BuiltFrom, Kind
from onedigest.lock import text as lock_text
from onedigest.lock.model import Lock, LockedPackage, Wheel
from onedigest.platforms import ALL, Platform
from onedigest.store import Store
from onedigest.wheel_check.check import check
from onedigest.wheel_check.findings import SharedFiles, WheelFindings, dumps, loads
from onedigest.wheel_check.messages import Requesters, placed, refusals, warnings
from wheel_builder import wheel_bytes, zip_bytes

SPEC: Spec = replace(specify(parse(script_of("full").encode(), "full.py"), Project(root=Path()), "full.py"), uv_lock="")
LOCK: Lock = lock_text.loads(expected_files("full")["pylock.toml"], "pylock.toml")


class Shelf:
    """Wheels of a lock, which are in a store."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root / "store")
        self.packages: list[LockedPackage] = []

    def add(
        self,
        name: str,
        files: Mapping[str, bytes] | None = None,
        *,
        needs: Sequence[str] = (),
        platforms: Sequence[Platform] = ALL,
        data: bytes = b"",
        called: str = "",
    ) -> Shelf:
        """Put a wheel, 1.0, into the store and into the lock."""
        data = data or wheel_bytes(name, "1.0", files=files)
        digest, file = self.store.add(data), called or f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        stored = Wheel(name=file, digest=digest, size=len(data))
        self.packages.append(
            LockedPackage(
                name=name,
                version="1.0",
                wheels=tuple((each, stored) for each in platforms),
                dependencies=tuple((each, "1.0") for each in needs),
            )
        )
        return self

    def lock(self, *roots: str) -> Lock:
        named = roots or [each.name for each in self.packages]
        return replace(LOCK, packages=tuple(self.packages), roots=tuple((name, "1.0") for name in named))

    def found(self, *platforms: Platform) -> WheelFindings:
        return check(self.lock(), platforms or ALL, self.store)

    def told(
        self, *roots: str, spec: Spec = SPEC, asked: Sequence[str] = (), flyte: bool = False
    ) -> tuple[list[Problem], list[Problem]]:
        """Return why no image can be made, and what is warned of."""
        asking = Requesters(
            spec=replace(spec, dependencies=tuple(asked)), lock=self.lock(*roots), line_of=line_of, of_flyte=flyte
        )
        found = self.found()
        return refusals(found, asking), warnings(found, asking)


def line_of(name: str) -> str:
    return f"full.py:{len(name)}" if name in ("alpha", "beta") else ""


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def broken(name: str) -> bytes:
    """Return a wheel that states another project than the lock."""
    return wheel_bytes(f"not-{name}", "1.0")


def test_wheels_that_are_as_they_should_be(shelf: Shelf) -> None:
    assert shelf.add("alpha").add("beta").found() == WheelFindings()


def test_every_wheel_that_is_unfit_is_told(shelf: Shelf) -> None:
    shelf.add("alpha", data=broken("alpha")).add("beta", data=b"no zip file").add("gamma", data=broken("gamma"))

    refused, _ = shelf.told("alpha", "beta", asked=["alpha[more]>=0.5,<2", "beta==1.0"])

    assert [(each.where, each.message.partition(":")[0], each.hint) for each in refused] == [
        (
            "full.py:5",
            "alpha-1.0-py3-none-any.whl",
            "for another version of alpha write `alpha[more]!=1.0,<2,>=0.5` in place of `alpha[more]>=0.5,<2`",
        ),
        (
            "full.py:4",
            "beta-1.0-py3-none-any.whl",
            "for another version of beta write `beta!=1.0` in place of `beta==1.0`",
        ),
        (
            "full.py",
            "gamma-1.0-py3-none-any.whl",
            'for another version of gamma write `constraint-dependencies = ["gamma!=1.0"]` in [tool.uv]',
        ),
    ]


@pytest.mark.parametrize(
    ("spec", "asked", "flyte", "hint"),
    [
        (SPEC, ["alpha @ https://user:secret@files.example/alpha.whl"], False, "name another file for alpha"),
        (SPEC, [], True, "for another version of alpha add `alpha!=1.0` to the packages of the image"),
        (
            replace(SPEC, uv_lock="sha256:" + "1" * 64),
            ["alpha"],
            False,
            'add `constraint-dependencies = ["alpha!=1.0"]` to [tool.uv] of the project, and run `uv lock`',
        ),
    ],
)
def test_who_asks_decides_what_helps(spec: Spec, asked: list[str], flyte: bool, hint: str, shelf: Shelf) -> None:
    shelf.add("alpha", data=broken("alpha"))

    assert [each.hint for each in shelf.told(spec=spec, asked=asked, flyte=flyte)[0]] == [hint]


def test_constraints_for_several_wheels_are_one_line(shelf: Shelf) -> None:
    shelf.add("alpha", data=broken("alpha")).add("beta", data=broken("beta")).add("gamma", data=broken("gamma"))

    assert {each.hint for each in shelf.told(asked=["alpha"])[0][1:]} == {
        'for another version of each of them write `constraint-dependencies = ["beta!=1.0", "gamma!=1.0"]` in [tool.uv]'
    }


def test_file_that_several_bring_is_named_with_the_winner(shelf: Shelf) -> None:
    shelf.add("alpha", {"same.py": b"1", "one.py": b"1"}).add("beta", {"same.py": b"1", "one.py": b"2"})

    assert shelf.told("alpha", "beta")[1] == [
        Problem(
            "the wheels of alpha 1.0 and beta 1.0 both bring `one.py`, with different content;"
            " the image has that of beta, whose name is the last",
            "full.py:5",
            "where one of them is enough, leave the other out",
        )
    ]


def test_files_of_the_same_wheels_are_one_warning(shelf: Shelf) -> None:
    files = [f"pack/m{number}.py" for number in range(9)]
    for name in ("gamma", "beta", "alpha"):
        shelf.add(name, dict.fromkeys(files, name.encode()))

    assert [each.message for each in shelf.told()[1]] == [
        "the wheels of alpha 1.0, beta 1.0 and gamma 1.0 all bring 9 files with different content, such as"
        " `pack/m0.py`, `pack/m1.py`, `pack/m2.py`; the image has those of gamma, whose name is the last"
    ]


def test_two_files_are_both_named(shelf: Shelf) -> None:
    shelf.add("alpha", {"a.py": b"1", "b.py": b"1"}).add("beta", {"a.py": b"2", "b.py": b"2"})

    assert "bring 2 files with different content, `a.py` and `b.py`; the image has those of beta" in str(
        shelf.told()[1]
    )


def test_groups_without_end_are_not_told_without_end(shelf: Shelf) -> None:
    groups = tuple(
        SharedFiles(packages=(("a", "1"), (f"b{n}", "1")), winner=("b", "1"), paths=("x",), count=1) for n in range(60)
    )
    told = warnings(WheelFindings(shared=groups), Requesters(spec=SPEC, lock=shelf.add("a").lock(), line_of=line_of))

    assert len(told) == 41
    assert str(told[-1]) == "full.py: 20 further groups of wheels bring the same paths"


def test_package_that_nobody_named_can_be_excluded(shelf: Shelf) -> None:
    shelf.add("cv", {"cv.py": b"1"}).add("cv-headless", {"cv.py": b"2"}).add("user", needs=["cv"])

    assert [each.hint for each in shelf.told("cv-headless", "user")[1]] == [
        'where cv-headless is enough, write `exclude-dependencies = ["cv"]` in [tool.uv]'
    ]
    pinned = replace(SPEC, uv_lock="sha256:" + "1" * 64)
    assert [each.hint for each in shelf.told("cv-headless", "user", spec=pinned)[1]] == [
        'where cv-headless is enough, write `exclude-dependencies = ["cv"]` in [tool.uv] of the project,'
        " and run `uv lock`"
    ]


def test_what_a_local_project_asks_for_is_named_by_people(shelf: Shelf) -> None:
    shelf.add("cv", {"cv.py": b"1"}).add("cv-headless", {"cv.py": b"2"}).add("user", needs=["cv"])
    shelf.add("own", needs=["cv-headless", "user"])
    origin = BuiltFrom(kind=Kind.DIRECTORY, path="own", digest=of_bytes(b""))
    shelf.packages[-1] = replace(shelf.packages[-1], origin=origin)

    assert [each.hint for each in shelf.told("own")[1]] == [
        'where cv-headless is enough, write `exclude-dependencies = ["cv"]` in [tool.uv]'
    ]


def test_of_an_image_of_flyte_what_is_named_can_be_left_out(shelf: Shelf) -> None:
    shelf.add("cv", {"cv.py": b"1"}).add("cv-headless", {"cv.py": b"2"}).add("user", needs=["cv"])

    named = shelf.told("cv-headless", "user", flyte=True)[1]
    assert [each.hint for each in named] == ["where cv is enough, leave cv-headless out"]
    assert [each.hint for each in shelf.told("user", flyte=True)[1]] == [""]


def test_nothing_is_left_out_where_one_needs_another(shelf: Shelf) -> None:
    shelf.add("core", {"a.py": b"1"}).add("middle", needs=["core"]).add("plugin", {"a.py": b"2"}, needs=["middle"])

    assert [each.hint for each in shelf.told("plugin")[1]] == [""]


@pytest.mark.parametrize("path", ["tests/test_it.py", "LICENSE", "docs/conf.py", "beta-1.0.data/data/README.txt"])
def test_nothing_is_left_out_for_files_that_nobody_imports(path: str, shelf: Shelf) -> None:
    shelf.add("alpha", {path.replace("beta", "alpha"): b"1"}).add("beta", {path: b"2"})
    (told,) = shelf.told()[1]

    assert told.hint == ""
    assert f"`{path}`" in told.message or "`/opt/venv/README.txt`" in told.message


def test_file_against_a_folder_is_unfit(shelf: Shelf) -> None:
    shelf.add("alpha", {"beta": b"1"}).add("beta", {"beta/__init__.py": b"2"})
    refused, others = shelf.told("alpha", "beta", asked=["alpha", "beta"])

    assert [str(each) for each in refused] == [
        "full.py:5: alpha-1.0-py3-none-any.whl and beta-1.0-py3-none-any.whl:"
        " /opt/venv/lib/python3.11/site-packages/beta is a file and a directory\n"
        "hint: for another version of beta write `beta!=1.0` in place of `beta`"
    ]
    assert others == []


def test_wheels_of_other_platforms_do_not_meet(shelf: Shelf) -> None:
    x86, arm = ALL
    shelf.add("alpha", {"a.py": b"1"}, platforms=[x86]).add("beta", {"a.py": b"2"}, platforms=[arm])

    assert shelf.found() == WheelFindings()


def test_wheels_of_chosen_platforms_count_alone(shelf: Shelf) -> None:
    x86, arm = ALL
    shelf.add("alpha", {"a.py": b"1"}).add("beta", {"a.py": b"2"}, platforms=[arm])

    assert shelf.found(x86) == WheelFindings()
    assert [each.packages for each in shelf.found(arm).shared] == [(("alpha", "1.0"), ("beta", "1.0"))]


def test_wheel_that_is_called_otherwise_than_its_project(shelf: Shelf) -> None:
    assert shelf.add("alpha", called="alpha-1.0+cu121-py3-none-any.whl").found() == WheelFindings()


def test_wheel_that_is_not_there_is_not_looked_at(shelf: Shelf) -> None:
    shelf.add("alpha", {"a.py": b"1"}).add("beta", {"a.py": b"2"})
    shelf.store.path(shelf.packages[0].wheels[0][1].digest).unlink()

    assert shelf.found() == WheelFindings()


def test_odd_record_is_told_once_for_both_platforms(shelf: Shelf) -> None:
    with zipfile.ZipFile(BytesIO(wheel_bytes("alpha", "1.0"))) as archive:
        contents = {name: archive.read(name).replace(b",sha256=", b",SHA256=") for name in archive.namelist()}
    (warning,) = shelf.add("alpha", data=zip_bytes(contents)).told("alpha")[1]

    assert warning.where == "full.py:5"
    assert warning.message.startswith("alpha-1.0-py3-none-any.whl: RECORD spells the hash of ")


def test_what_was_found_is_not_looked_for_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add("alpha", {"a.py": b"1"}).add("beta", {"a.py": b"2"})
    first = shelf.found()
    monkeypatch.setattr("onedigest.wheel_check.inspection.wheel_entries", refuse)

    assert shelf.found() == first
    shelf.add("gamma")
    with pytest.raises(AssertionError, match="looked at again"):
        shelf.found()


def test_what_is_unfit_is_looked_at_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another release may take it."""
    shelf.add("alpha", data=broken("alpha")).found()
    monkeypatch.setattr("onedigest.wheel_check.inspection.wheel_entries", wheel.wheel_entries)
    monkeypatch.setattr("onedigest.assembler.wheel.find_info", lambda *_: "not_alpha-1.0.dist-info")

    assert shelf.found() == WheelFindings()


def refuse(*_: object) -> None:
    raise AssertionError("looked at again")


def test_wheels_are_closed_after_they_were_looked_at(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        shelf.add(f"p{number}")
    before = len(list(Path("/proc/self/fd").iterdir()))
    opened: list[int] = []
    looked = wheel.wheel_entries

    def counted(*arguments: object) -> object:
        opened.append(len(list(Path("/proc/self/fd").iterdir())))
        return looked(*arguments)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr("onedigest.wheel_check.inspection.wheel_entries", counted)
    shelf.found()

    assert len(opened) == 12
    assert max(opened) - before < 6


def test_note_is_read_as_it_was_written() -> None:
    shared = SharedFiles(packages=(("a", "1"), ("b", "2")), winner=("b", "2"), paths=("x", "y"), count=7)
    found = WheelFindings(odd=((("a", "1"), "a.whl: odd"),), shared=(shared,))

    assert loads(dumps(found)) == found


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"odd": [1], "shared": []}', b'{"odd": [], "shared": [[1]]}'])
def test_broken_note_counts_for_nothing(text: bytes, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add("alpha", {"a.py": b"1"}).add("beta", {"a.py": b"2"})
    found = shelf.found()
    monkeypatch.setattr(Store, "read_note", lambda *_: text)

    assert shelf.found() == found


def test_what_an_engine_says_of_a_wheel_gets_its_line_and_another_version(shelf: Shelf) -> None:
    spec = replace(SPEC, dependencies=("alpha",))
    asking = Requesters(spec=spec, lock=shelf.add("alpha").lock(), line_of=line_of)
    hint = "for another version of alpha write `alpha!=1.0` in place of `alpha`"
    wrong, other = "alpha-1.0-py3-none-any.whl: no such member [zip]", "debian.deb: cut off [deb]"

    assert placed(Problem(wrong, hint="run it again"), asking) == Problem(wrong, "full.py:5", hint)
    assert placed(Problem(other, hint="run it again"), asking) == Problem(other, hint="run it again")


def test_file_that_is_not_that_of_the_lock_is_no_fault_of_the_wheel(shelf: Shelf) -> None:
    asking = Requesters(spec=SPEC, lock=shelf.add("alpha").lock(), line_of=line_of)
    changed = Problem("alpha-1.0-py3-none-any.whl: not the file of the lock [changed]", hint="run `onedigest fetch`")

    assert placed(changed, asking) == changed
