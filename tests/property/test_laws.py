"""Laws that hold for any input."""

from __future__ import annotations

import gzip
import io
import tarfile
import tomllib
import zlib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from onedigest.assembler import gzip_member, stream, tar
from onedigest.assembler.entry import Entry, file_entry, merge
from onedigest.assembler.wheel_metadata import canonical_version
from onedigest.debian import versions
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import _PLAIN_REQUIREMENT, _PLAIN_SPECIFIER, specify
from onedigest.digest import canonical_json
from onedigest.lock.toml import value
from onedigest.oci import libdeflate

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\\x7f"), min_size=1, max_size=120
).filter(lambda text: text not in (".", "..") and not text.startswith(".wh.") and len(text.encode()) <= 255)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)
FILES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=6000), st.booleans()), max_size=6)
FIELDS = b"0000644\x000000000\x000000000\x00"
TAIL = b" 0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\x000000000" + bytes(168)
RUNS = st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.integers(1, 700)), max_size=8).map(
    lambda parts: b"".join(data * count for data, count in parts)
)


def entries_of(files: dict[str, tuple[bytes, bool]]) -> list[Entry]:
    """Return entries of those files that can live together: no file is a folder of another."""
    taken = {
        path: content for path, content in files.items() if not any(other.startswith(f"{path}/") for other in files)
    }
    return merge(file_entry(path, data, executable=flag, origin="law") for path, (data, flag) in taken.items())


class TestGzip:
    """A member holds what was put into it, for every reader."""

    @given(RUNS | st.binary(max_size=3000))
    def test_fixed_member_inflates_to_its_content(self, data: bytes) -> None:
        assert gzip.decompress(gzip_member.fixed(data)) == data

    @given(
        st.lists(
            st.sampled_from([b"0", b"00", b" ", b" 0", b"\0", b"\0" * 3, b"a", FIELDS, TAIL, TAIL[:-1]]), max_size=12
        ).map(b"".join)
    )
    def test_what_headers_share_is_encoded_as_if_it_were_not_known(self, data: bytes) -> None:
        """Tokens are cut so that no run reaches over two: the bits are those of one token for everything."""
        bits, fill = gzip_member._encode_runs(data)
        whole = (bits << 3 | 0b011).to_bytes((fill + 3 + 7 + 7) >> 3, "little")

        assert gzip_member.fixed(data)[10:-8] == whole

    @given(st.binary(min_size=1, max_size=200_000), st.integers(1, 70_000))
    @settings(max_examples=30)
    def test_stored_member_inflates_to_its_content_whatever_its_pieces(self, data: bytes, step: int) -> None:
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        member = b"".join(gzip_member.stored(pieces, len(data)))

        assert gzip.decompress(member) == data
        assert member == b"".join(gzip_member.stored([data], len(data)))

    @given(st.binary(max_size=5000), st.integers(0, 9), st.binary(max_size=12), st.integers(0, 3))
    def test_fast_inflater_accepts_exact_streams_alone(self, data: bytes, level: int, junk: bytes, cut: int) -> None:
        """What it accepts is the content; junk, a cut or another checksum is left to the strict reader."""
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        raw = packer.compress(data) + packer.flush()
        inflater = libdeflate.Inflater(libdeflate.Budget.of_threads(1 << 20))
        crc = zlib.crc32(data)

        assert inflater.inflate(raw, crc, len(data)) in (data, None)
        if junk:
            assert inflater.inflate(raw + junk, crc, len(data)) is None
            trailer = gzip_member.trailer(crc, len(data))
            assert inflater.inflate(raw + trailer + junk, crc, len(data)) is None
            assert inflater.inflate(raw + trailer, crc, len(data)) is None
        if cut:
            assert inflater.inflate(raw[:-cut], crc, len(data)) is None
        assert inflater.inflate(raw, crc ^ 1, len(data)) is None
        assert inflater.inflate(raw, crc, len(data) + 1) is None


class TestTar:
    """Another reader sees what was written; order of arrival does not matter."""

    @given(FILES)
    @settings(max_examples=60, deadline=None)
    def test_tarfile_reads_every_entry(self, files: dict[str, tuple[bytes, bool]]) -> None:
        entries = entries_of(files)
        output = io.BytesIO()
        stream.write_tar(entries, output)
        with tarfile.open(fileobj=io.BytesIO(output.getvalue()), encoding="utf-8") as archive:
            members = archive.getmembers()

        assert [(each.name, each.mode, each.size, each.mtime) for each in members] == [
            (entry.path, entry.mode, entry.size, tar.MTIME) for entry in entries
        ]

    @given(FILES, st.randoms(use_true_random=False))
    @settings(max_examples=40, deadline=None)
    def test_order_of_files_does_not_matter(self, files: dict[str, tuple[bytes, bool]], random: object) -> None:
        names = list(files)
        random.shuffle(names)  # type: ignore[attr-defined]  # hypothesis gives a random.Random

        assert stream.write(entries_of(files)) == stream.write(entries_of({name: files[name] for name in names}))

    @given(FILES)
    @settings(max_examples=40, deadline=None)
    def test_both_encodings_hold_the_tar(self, files: dict[str, tuple[bytes, bool]]) -> None:
        entries = entries_of(files)
        plain, spliced, deflated = io.BytesIO(), io.BytesIO(), io.BytesIO()
        diff_id, _ = stream.write_tar(entries, plain)

        assert stream.write(entries, spliced).diff_id == diff_id
        assert libdeflate.write(entries, deflated).diff_id == diff_id
        assert gzip.decompress(spliced.getvalue()) == gzip.decompress(deflated.getvalue()) == plain.getvalue()


TOML = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


class TestText:
    """What is written reads back as it was."""

    @given(TOML)
    def test_toml_values_read_back(self, item: object) -> None:
        assert tomllib.loads(f"x = {value(item)}")["x"] == item

    @given(TOML)
    def test_canonical_json_has_one_form(self, item: object) -> None:
        import json

        assert canonical_json(json.loads(canonical_json(item))) == canonical_json(item)


VERSIONS = st.from_regex(r"[0-9][0-9a-z.+~]{0,8}(-[0-9a-z.+~]{1,4})?", fullmatch=True)


class TestVersions:
    """Orders are total."""

    @given(VERSIONS, VERSIONS, VERSIONS)
    def test_debian_order_is_total(self, first: str, second: str, third: str) -> None:
        keys = sorted([versions.key(each) for each in (first, second, third)])

        assert keys[0] <= keys[1] <= keys[2]
        assert versions.satisfies(first, "<<", second) + versions.satisfies(first, ">=", second) == 1

    @given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?(\.dev[0-9])?", fullmatch=True))
    def test_equal_versions_have_one_key(self, text: str) -> None:
        from packaging.version import Version

        assert canonical_version(str(Version(text))) == canonical_version(text)


class TestSpec:
    """Order and spacing of what an author writes do not matter."""

    @given(
        st.lists(st.sampled_from(["a", "b>=1", "c[x]<2", "d ; python_version>'3'", "e==1.*"]), unique=True),
        st.randoms(use_true_random=False),
    )
    def test_order_of_dependencies_does_not_matter(self, requirements: list[str], random: object) -> None:
        shuffled = list(requirements)
        random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random

        def digest(items: list[str]) -> str:
            block = f"# /// script\n# dependencies = {value(items)}\n# ///\n"
            return specify(parse(block.encode(), "a.py"), Project(root=Path()), "a.py").digest()

        assert digest(requirements) == digest(shuffled)


@given(
    st.one_of(st.from_regex(_PLAIN_REQUIREMENT, fullmatch=True), st.from_regex(r"[a-z]{1,3} ?[<>=~!]{1,3} ?[0-9.a-z]*"))
)
def test_plain_requirement_is_what_packaging_would_make_of_it(text: str) -> None:
    """So that a build that has nothing to do need not import packaging."""
    if _PLAIN_REQUIREMENT.fullmatch(text):
        assert str(Requirement(text)) == text


@given(st.from_regex(_PLAIN_SPECIFIER, fullmatch=True))
def test_plain_specifier_is_what_packaging_would_make_of_it(text: str) -> None:
    assert str(SpecifierSet(text)) == text
