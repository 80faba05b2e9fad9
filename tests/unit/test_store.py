"""The content store: complete and verified files, or none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onedigest.store import Store, is_stamped, link


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_added_content_is_there(store: Store) -> None:
    digest = store.add(b"content")

    assert digest == "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    assert store.path(digest).read_bytes() == b"content"
    assert store.has(digest, 7)
    assert not store.has(digest, 8)


def test_file_that_was_written_to_does_not_count(store: Store) -> None:
    digest = store.add(b"content")
    path = store.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"tampere")

    assert not store.has(digest)


def test_scratch_folder_is_gone_after_an_error(store: Store) -> None:
    with pytest.raises(RuntimeError), store.scratch() as folder:
        (folder / "half").write_bytes(b"half")
        raise RuntimeError

    assert list((store.root / "scratch").iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(store: Store) -> None:
    abandoned = store.root / "scratch" / "abandoned"
    abandoned.mkdir(parents=True)
    (abandoned / ".owned").touch()
    (abandoned / "layer").write_bytes(b"half")
    with store.scratch() as first, store.scratch() as second:
        assert not abandoned.exists()
        assert first.is_dir()
        assert second.is_dir()


def test_link_replaces_what_is_there(store: Store, tmp_path: Path) -> None:
    digest = store.add(b"content")
    target = tmp_path / "target"
    target.write_bytes(b"old")
    link(store.path(digest), target)

    assert target.read_bytes() == b"content"
    assert is_stamped(target, 7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "target"]


def test_link_copies_where_it_must(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    digest = store.add(b"content")
    monkeypatch.setattr("os.link", refuse)
    link(store.path(digest), tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"content"


def test_scratch_folders_survive_the_cleaning_of_others(tmp_path: Path) -> None:
    """A folder is owned before anyone who cleans up can see it."""

    def work(number: int) -> bool:
        with Store(tmp_path).scratch() as folder:
            (folder / "file").write_text(str(number))
            return (folder / "file").read_text() == str(number)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(120)))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_a_killed_run_left_is_removed_without_new_work(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.remove_abandoned()
    with store.scratch() as held:
        (held.parent / "tmpkilled").mkdir()
        (held.parent / "tmpkilled" / ".owned").touch()
        store.remove_abandoned()

        assert list(held.parent.iterdir()) == [held]
