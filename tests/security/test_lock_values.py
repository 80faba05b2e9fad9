"""Locks and records of a pull request: no value of theirs is a path, a name or an address before it is checked."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT, Project
from forged_locks import Document, check_in, document, written
from golden import CASES, expected_files
from onedigest import zipapp
from onedigest.definition.spec import digest_of
from onedigest.errors import InputError
from onedigest.fetching import link_cached
from onedigest.lock import text as lock_text
from onedigest.plan import record as records
from onedigest.plan.inputs import inputs_of
from onedigest.store import Store

ESCAPE = "\x1b[31m"
HOSTILE: tuple[Any, ...] = (f"a{ESCAPE}", -1, 1.5, [], {}, [[1]], {"a": 1}, float("nan"), datetime(1, 1, 1, tzinfo=UTC))

Place = tuple[str | int, ...]


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield where the values of a document are; of rows that are alike, the first is enough."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from leaves(each, (*place, name))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*place, 0))
    else:
        yield place


def changed(found: Document, place: Place, value: Any) -> Document:
    """Return a document with another value in one place."""
    made: Any = copy.deepcopy(found)
    inner = made
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return made  # type: ignore[no-any-return]  # made of a document


def named(place: Place) -> str:
    """Return a place as messages write it."""
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in place).lstrip(".")


def short(case: str) -> Document:
    """Return a lock with few rows of Debian packages, which are all alike."""
    lock = document(case)
    base = lock["tool"]["onedigest"]["base"]
    base["packages"] = base.get("packages", [])[:2]
    return lock if base["packages"] else document(case)


def refused(text: str, read: Callable[[str, str], object] = lock_text.loads) -> str:
    """Return what is said of a text, which must be refused."""
    with pytest.raises(InputError) as caught:
        read(text, "pylock.toml")
    assert all(each.where == "pylock.toml" and each.hint for each in caught.value.problems)
    return "\n".join(each.message for each in caught.value.problems)


@pytest.mark.parametrize("case", ["full", "minimal"])
def test_sha256_that_is_a_path_makes_no_file(case: str, project: Project, tmp_path: Path) -> None:
    victim = tmp_path / "home" / ".bashrc"
    lock = document(case)
    row = lock["packages"][0]["wheels"][0]["hashes"] if case == "full" else rows(lock)[0]
    row["sha256"] = str(victim)
    check_in(project, case, written(lock, case))
    project.environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")

    result = project.run("fetch", case, "--offline")

    place = "packages[0].wheels[0].hashes.sha256" if case == "full" else "tool.onedigest.base.packages[0].sha256"
    assert not victim.parent.exists()
    assert f"error: lockfiles/{case}/pylock.toml: `{place}` is " in result.err
    assert "which is not a sha256\nhint: run `onedigest generate`\n" in result.err
    assert result.code == 1


@pytest.mark.parametrize("digest", ["sha256:/home/ci/.bashrc", "sha256:../../x", "sha256:", "", "sha512:" + "a" * 64])
def test_store_has_no_place_for_what_is_no_digest(digest: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    acts: list[Callable[[], object]] = [
        lambda: store.path(digest),
        lambda: store.has(digest),
        lambda: store.partial(digest).__enter__(),
        lambda: store.finish_partial(digest),
        lambda: store.place(digest, 1, tmp_path / "x"),
    ]
    for act in acts:
        with pytest.raises(ValueError, match="is not a sha256 digest"):
            act()
    for name in ("../x", "layers/../../x", "/x", ""):
        with pytest.raises(ValueError, match="is not a plain path"):
            store.write_note(name, b"")

    assert not list(tmp_path.rglob("x"))


def test_deb_that_is_called_like_the_assembler_replaces_nothing(tmp_path: Path) -> None:
    store, inputs, evil = Store(tmp_path / "store"), tmp_path / "lockfiles" / ".inputs", b"print('evil')"
    lock = document("minimal")
    row = lock["tool"]["onedigest"]["base"]["packages"][0]
    row |= {
        "path": f"pool/main/{zipapp.file_name(zipapp.newest())}",
        "size": len(evil),
        "sha256": store.add(evil).removeprefix("sha256:"),
    }
    said = ""
    try:
        found = lock_text.loads(written(lock, "minimal"), "pylock.toml")
        link_cached(store, inputs, inputs_of(found, found.platforms))
    except InputError as error:
        said = error.problems[0].message

    placed = inputs / zipapp.file_name(zipapp.newest())
    assert not placed.exists() or placed.read_bytes() == zipapp.shipped(zipapp.newest())
    assert said.startswith("`tool.onedigest.base.packages[0].path` is 'pool/main/assemble-")
    assert said.endswith(".pyz', which is not the path of a .deb")


@pytest.mark.parametrize("case", ["full", "image"])
def test_every_field_of_a_lock_is_checked(case: str) -> None:
    lock = short(case)
    assert lock_text.loads(written(lock, case), "pylock.toml").script == f"{case}.py"
    for place in leaves(lock):
        for value in HOSTILE if case == "image" or "spec" not in place else HOSTILE[:1]:
            made = changed(lock, place, value)
            if made != lock:
                said = refused(written(made, case))
                assert said.count("`") >= 2 or "says in two places" in said
                assert ESCAPE not in said


@pytest.mark.parametrize("case", ["full", "image"])
def test_wrong_value_is_named_by_its_key(case: str) -> None:
    lock = short(case)
    for place in leaves(lock):
        if "spec" in place:
            continue  # checked by its digest
        said = refused(written(changed(lock, place, f"a{ESCAPE}"), case))
        spoken = named(place[: place.index("labels") + 1] if "labels" in place else place)
        assert f"`{spoken}` " in said


def test_every_field_of_a_record_is_checked() -> None:
    record = document("full", "image.toml")
    for place in leaves(record):
        for value in HOSTILE:
            if place[-1] != "holds" or not isinstance(value, str):
                said = refused(written(changed(record, place, value), "full"), records.loads)
                assert said.startswith("not a record of a build: `")
    assert refused("platforms = []", records.loads) == "not a record of a build: `name` is missing"


def rows(lock: Document) -> Any:
    return lock["tool"]["onedigest"]["base"]["packages"]


def repeat_package(lock: Document) -> None:
    lock["packages"].append(lock["packages"][0])


def repeat_wheel(lock: Document) -> None:
    wheel = copy.deepcopy(lock["packages"][0]["wheels"][0])
    wheel["hashes"]["sha256"] = "0" * 64
    lock["packages"][0]["wheels"].append(wheel)


def repeat_deb(lock: Document) -> None:
    rows(lock).append({**rows(lock)[0], "path": rows(lock)[0]["path"].replace("main", "other"), "sha256": "0" * 64})


def repeat_deb_in_capitals(lock: Document) -> None:
    folder, _, name = rows(lock)[0]["path"].rpartition("/")
    rows(lock).append({**rows(lock)[0], "path": f"{folder}/{name.upper()[:-3]}deb"})


def name_no_platform(lock: Document) -> None:
    lock["environments"] = []


def name_a_platform_twice(lock: Document) -> None:
    lock["environments"][1] = lock["environments"][0]


def leave_a_platform_out(lock: Document) -> None:
    del lock["environments"][1]
    rows(lock)[:] = [row for row in rows(lock) if row["architecture"] != "arm64"]
    for name in ("essential-packages", "system-packages"):
        above = lock["tool"]["onedigest"]["base"][name]
        above[:] = [row for row in above if row["architecture"] != "arm64"]
    for package in lock["packages"]:
        package["wheels"] = [each for each in package["wheels"] if "aarch64" not in each["name"]]


def need_what_is_not_there(lock: Document) -> None:
    lock["packages"][0]["dependencies"] = [{"name": "evil", "version": "1"}]


def ask_for_what_is_not_there(lock: Document) -> None:
    lock["tool"]["onedigest"]["requirements"].append({"name": "evil", "version": "1"})


def take_a_wheel_of_another_project(lock: Document) -> None:
    wheel = lock["packages"][0]["wheels"][0]
    wheel |= {"name": "evil-1.0-py3-none-any.whl", "path": "../.inputs/evil-1.0-py3-none-any.whl"}


def take_another_path(lock: Document) -> None:
    lock["packages"][0]["wheels"][0]["path"] = "../../evil/alpha-1.0-py3-none-any.whl"


def add_an_archive(lock: Document) -> None:
    lock["packages"][0]["archive"] = {"url": "http://127.0.0.1/evil.tar.gz"}


def leave_the_project(lock: Document) -> None:
    lock["tool"]["onedigest"]["script"] = "../../etc/passwd"


def ask_for_something_else(lock: Document) -> None:
    lock["tool"]["onedigest"]["spec"]["user"] = "0:0"


def forget_what_is_asked(lock: Document) -> None:
    own = lock["tool"]["onedigest"]
    del own["spec"]["script"]
    own["spec-digest"] = digest_of(own["spec"])


def put_a_date_into_what_is_asked(lock: Document) -> None:
    lock["tool"]["onedigest"]["spec"]["args"] = [datetime(2026, 1, 1, tzinfo=UTC)]


def upload_long_ago(lock: Document) -> None:
    east = timezone(timedelta(hours=23, minutes=59))
    lock["packages"][0]["wheels"][0]["upload-time"] = datetime(1, 1, 1, tzinfo=east)


def upload_nowhere(lock: Document) -> None:
    lock["packages"][0]["wheels"][0]["upload-time"] = datetime(2026, 1, 1)  # noqa: DTZ001  what is tested


def release_at_the_end_of_time(lock: Document) -> None:
    lock["tool"]["onedigest"]["base"]["releases"][0]["date"] = "Fri, 31 Dec 9999 23:59:59 UTC"


def inject_a_line(lock: Document) -> None:
    lock["tool"]["onedigest"]["base"]["releases"][0]["suite"] = "bookworm\nRUN evil"


def releases(lock: Document) -> list[Any]:
    found: list[Any] = lock["tool"]["onedigest"]["base"]["releases"]
    return found


def forget_the_releases(lock: Document) -> None:
    releases(lock).clear()


def release_twice(lock: Document) -> None:
    releases(lock)[1] = releases(lock)[0]


def leave_the_updates_out(lock: Document) -> None:
    del releases(lock)[2]


def take_a_package_from_another_suite(lock: Document) -> None:
    rows(lock)[0]["suite"] = "sid"


def take_a_package_from_a_time_that_is_none(lock: Document) -> None:
    rows(lock)[0]["date"] = "Sat, 31 Feb 2026 10:16:37 UTC"


def grow(lock: Document) -> None:
    rows(lock)[0]["size"] = 1 << 41


CONTRADICTIONS: dict[Callable[[Document], None], str] = {
    repeat_package: "`packages` has `alpha` twice",
    repeat_wheel: "`packages[0].wheels` has `alpha-1.0-py3-none-any.whl`, which no platform of the package selects",
    repeat_deb: "the lock has `base-files_12.4+deb12u15_amd64.deb` twice among its inputs",
    repeat_deb_in_capitals: "the lock has `base-files_12.4+deb12u15_amd64.deb` twice among its inputs",
    name_no_platform: "`environments` names no platform",
    name_a_platform_twice: "`environments` names a platform twice",
    leave_a_platform_out: "`tool.onedigest.spec` is of another script, or of other platforms, than the lock",
    need_what_is_not_there: "`packages` has no evil 1, which is needed",
    ask_for_what_is_not_there: "`packages` has no evil 1, which is needed",
    take_a_wheel_of_another_project: "`packages[0].wheels[0].name` is 'evil-1.0-py3-none-any.whl', which is not a wheel of alpha 1.0",
    take_another_path: "`packages[0].wheels[0].path` is not '../.inputs/alpha-1.0-py3-none-any.whl'",
    add_an_archive: "`packages[0].archive` is no key of this version of onedigest",
    leave_the_project: "`tool.onedigest.script` is '../../etc/passwd', which is not a plain path below the project",
    ask_for_something_else: "`tool.onedigest.spec-digest` is not the digest of `tool.onedigest.spec`",
    forget_what_is_asked: "`tool.onedigest.spec` has no `script` that is a string",
    put_a_date_into_what_is_asked: "`tool.onedigest.spec` has a datetime in it, which is no string, integer, true or false",
    upload_long_ago: "`packages[0].wheels[0].upload-time` is not of the years 1970 to 2999",
    upload_nowhere: "`packages[0].wheels[0].upload-time` is not a time with its offset from UTC",
    release_at_the_end_of_time: "`tool.onedigest.base.releases[0].date` is 'Fri, 31 Dec 9999 23:59:59 UTC', which is not the date of a release",
    inject_a_line: r"`tool.onedigest.base.releases[0].suite` is 'bookworm\nRUN evil', which is not a plain name",
    forget_the_releases: "`tool.onedigest.base.releases` is missing or empty",
    release_twice: "`tool.onedigest.base.releases` are not of one suite with its -updates, and its -security at the most",
    leave_the_updates_out: "`tool.onedigest.base.releases` are not of one suite with its -updates, and its -security at the most",
    take_a_package_from_another_suite: "`tool.onedigest.base.packages[0].suite` is 'sid', which is no further suite of the lock",
    take_a_package_from_a_time_that_is_none: "`tool.onedigest.base.packages[0].date` is 'Sat, 31 Feb 2026 10:16:37 UTC', which is not the date of a release",
    grow: "`tool.onedigest.base.packages[0].size` is not a number of bytes from 0 to 1099511627776",
}  # fmt: skip


@pytest.mark.parametrize("forge", CONTRADICTIONS, ids=lambda forge: forge.__name__)
def test_lock_that_contradicts_itself_is_refused(forge: Callable[[Document], None]) -> None:
    lock = document("full")
    forge(lock)

    assert refused(written(lock, "full")) == CONTRADICTIONS[forge]


def test_digest_in_a_text_of_many_lines_is_not_that_of_the_lock() -> None:
    """`generate --check` looks for a line; a parser must not see another value."""
    lock = written(document("minimal"), "minimal")
    line = next(each for each in lock.splitlines() if each.startswith("spec-digest"))
    inside = lock.replace("\n[tool.onedigest]\n", f"\n[tool.onedigest]\nnote = '''\n{line.replace('0', '1')}\n'''\n", 1)

    assert refused(inside) == "`tool.onedigest.note` is no key of this version of onedigest"
    assert refused(lock.replace("from minimal.py.", "from other.py.")) == (
        "says in two places what it is of, and not the same"
    )


TEXT = written(short("shipped"), "shipped")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text(max_size=6))
def test_mutated_lock_is_refused_or_reads_the_same_again(start: int, length: int, new: str) -> None:
    try:
        found = lock_text.loads(TEXT[:start] + new + TEXT[start + length :], "pylock.toml")
    except InputError:
        return
    assert lock_text.loads(lock_text.dumps(found), "pylock.toml") == found


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(leaves(document("image")), key=str)), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
))  # fmt: skip
def test_any_value_in_a_lock_is_refused_or_reads_the_same_again(place: Place, new: Any) -> None:
    try:
        found = lock_text.loads(written(changed(document("image"), place, new), "image"), "pylock.toml")
    except InputError:
        return
    assert lock_text.loads(lock_text.dumps(found), "pylock.toml") == found


def test_real_locks_read_as_they_are() -> None:
    paths = [*(ROOT / "examples").rglob("pylock.toml"), *(ROOT / "lockfiles").rglob("pylock.toml")]
    assert paths
    for text in [path.read_text() for path in paths] + [expected_files(case)["pylock.toml"] for case in CASES]:
        lock = lock_text.loads(text, "pylock.toml")
        assert lock_text.dumps(lock) == text
        assert digest_of(json.loads(lock.asked)) == lock.spec
