"""Text of a pull request takes no more time and memory than its length is worth, and means what it meant."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onedigest import untrusted
from onedigest.assembler.ignoring import IgnoreRules
from onedigest.assembler.selection import Selection
from onedigest.definition.files import collect
from onedigest.definition.flyte.syntax import find_images
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.errors import InputError, OnedigestError
from onedigest.lock import text as lock_text
from onedigest.lock.salvage import salvage_lock
from onedigest.lock.table import InvalidValue, Table
from onedigest.plan import record
from onedigest.rules.context import context_patterns

HEAD = "# /// script\n# dependencies = []\n"
END = "# ///\n"

# The expression of PEP 723, section "Specification", word for word.
BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")

LINES = st.lists(
    st.sampled_from(
        ["# /// script", "# /// other", "# ///", "#", "# a = 1", "# /// script ", "#x", "", "x", " # ///", "# \x0b"]
    ),
    max_size=10,
)


@contextmanager
def quickly(seconds: float = 5) -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


def refused(text: str) -> str:
    with pytest.raises(OnedigestError) as caught:
        specify(parse(text.encode(), "a.py"), Project(root=Path()), "a.py")
    return str(caught.value)


class TestTheBlock:
    @settings(max_examples=400, deadline=None)
    @given(LINES, st.sampled_from(["", "\n"]))
    def test_is_what_the_expression_of_the_standard_finds(self, lines: list[str], end: str) -> None:
        from onedigest.definition.script import find_blocks

        text = "\n".join(lines) + end
        expected = [
            (match["type"], text.count("\n", 0, match.start()) + 1, match["content"]) for match in BLOCK.finditer(text)
        ]

        blocks = [block for block in find_blocks(text) if block.lines]  # an empty one is uv's alone
        found = [(block.type, block.line, "".join(f"{line}\n" for line in block.lines)) for block in blocks]
        assert found == expected

    def test_that_opens_again_and_again_is_read_once(self) -> None:
        with quickly():
            assert refused("# /// script\n" * 20_000).startswith("a.py:1: the `script` block is not closed")
        with quickly():
            assert refused("# /// script\n" + "#\n" * 300_000).startswith("a.py:1: the `script` block is not closed")

    def test_and_the_script_have_an_end(self) -> None:
        assert refused(HEAD + END + "#" * (17 << 20)) == (
            "a.py: has more than 16777216 bytes\nhint: move what is large into `files`"
        )
        assert refused(HEAD + "# #" + "x" * (2 << 20) + "\n" + END) == (
            "a.py:1: the `script` block has more than 1048576 characters"
        )

    @pytest.mark.parametrize("line", ["[" + " " * 5000 + "x", "a" + " " * 50_000 + "x", "a . " * 10_000 + "x"])
    def test_has_keys_whose_lines_are_found_quickly(self, line: str) -> None:
        with quickly():
            assert refused(f"{HEAD}# {line}\n{END}").startswith("a.py:3: not valid TOML: ")

    @pytest.mark.parametrize(
        "line",
        ["a." * 20_000 + "a = 1", '[tool."b".' + "a." * 20_000 + "a]", "x = " + "[" * 5000, "'a'." * 5000 + "a=1"],
    )
    def test_is_not_nested_for_ever(self, line: str) -> None:
        with quickly():
            assert refused(f"{HEAD}# {line}\n{END}") == "a.py:3: not valid TOML: nested more than 64 deep"


class TestRequirements:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("a; " + "(" * 9000, "it has more than 8192 characters"),
            ("a==" + "9" * 5000, "a number in it has too many digits"),
            ("a>=1," * 3000, "it has more than 8192 characters"),
        ],
    )
    def test_have_an_end(self, text: str, reason: str) -> None:
        with quickly():
            said = refused(f'# /// script\n# dependencies = ["{text}"]\n{END}')
        assert said == f"a.py:2: `dependencies` has {text[:200]!r}…, which is not a requirement: {reason}"

    def test_have_markers_that_are_not_nested_for_ever(self) -> None:
        text = "a; " + "(" * 1000 + "python_version>'3'" + ")" * 1000
        said = refused(f'# /// script\n# dependencies = ["{text}"]\n{END}')
        assert re.search(r"…, which is not a requirement: .*nested ", said)

    def test_are_counted(self) -> None:
        several = "'a', " * 10_001
        assert refused(f"# /// script\n# dependencies = [{several}]\n{END}") == (
            "a.py:2: `dependencies` has more than 10000 requirements"
        )

    def test_that_are_wrong_are_named_up_to_a_point(self) -> None:
        with quickly(10):
            several = "'a b', " * 9000
            said = refused(f"# /// script\n# dependencies = [{several}]\n{END}")
        assert said.count("is not a requirement") == 100

    def test_repeat_no_password(self) -> None:
        said = refused('# /// script\n# dependencies = ["a @ https://me:hunter2@host/x y"]\n# ///\n')
        assert said.startswith("a.py:2: `dependencies` has 'a @ https://****@host/x y', which is not a requirement: ")


class TestRequirementsFiles:
    def read(self, folder: Path) -> list[str]:
        from onedigest.definition.flyte.local_requirements import LocalFolders
        from onedigest.definition.flyte.requirements import FlyteRequirements, read_requirements

        wanted = FlyteRequirements()
        read_requirements(folder / "0.txt", "0.txt", LocalFolders(root=folder, folder=folder), wanted)
        return wanted.packages

    def test_that_name_each_other_are_read_once(self, tmp_path: Path) -> None:
        """Each of 24 files names the next one twice: 2^24 readings."""
        for number in range(24):
            (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n" * 2)
        (tmp_path / "24.txt").write_text("attrs\n")

        with quickly():
            assert self.read(tmp_path) == ["attrs"]

    def test_that_name_each_other_in_a_circle_end(self, tmp_path: Path) -> None:
        (tmp_path / "0.txt").write_text("-r 0.txt\n-r ./0.txt\n-r 1.txt\nattrs\n")
        (tmp_path / "1.txt").write_text("-c 0.txt\n-r 0.txt\nnumpy\n")

        assert self.read(tmp_path) == ["numpy", "attrs"]

    def test_that_are_a_long_chain_are_refused(self, tmp_path: Path) -> None:
        for number in range(500):
            (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n")

        with pytest.raises(InputError) as caught:
            self.read(tmp_path)
        assert str(caught.value) == ("65.txt: is one of too many files that name each other: 64 deep, 1000 in all")

    def test_that_are_large_together_are_refused(self, tmp_path: Path) -> None:
        for number in range(20):
            (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n" + f"#{'#' * 1000}\n" * 1000)

        with quickly(10), pytest.raises(InputError, match=r"has more than [0-9]+ bytes"):
            self.read(tmp_path)


# What a pattern of a .dockerignore means, as a regular expression, which takes exponential time for some.
def expression(pattern: str) -> str:
    found, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            found, at = f"{found}(?:.*/)?", at + 3
        elif rest.startswith("**"):
            found, at = f"{found}.*", at + 2
        elif rest[0] == "*":
            found, at = f"{found}[^/]*", at + 1
        elif rest[0] == "?":
            found, at = f"{found}[^/]", at + 1
        elif rest[0] == "\\" and len(rest) > 1:
            found, at = found + re.escape(rest[1]), at + 2
        elif match := re.match(r"\[(\^?)([ab]+|a-b)\]", rest):
            found, at = f"{found}[{match[1]}{match[2]}]", at + match.end()
        else:
            found, at = found + re.escape(rest[0]), at + 1
    return found


def means(text: str, path: str) -> bool:
    ignored = False
    for line in text.splitlines():
        kept = line.startswith("!")
        pattern = posixpath.normpath(line.removeprefix("!")).lstrip("/")
        whole = re.compile(expression(pattern), re.DOTALL)
        above, places = path, []
        while above:
            places.append(above)
            above = posixpath.dirname(above)
        if kept == ignored and any(map(whole.fullmatch, places)):
            ignored = not kept
    return ignored


PARTS = st.sampled_from(["a", "b", "ab", "*", "**", "**/", "/", "?", "[ab]", "[^a]", "[a-b]", "\\a", "\\*", ".", "-"])
PATTERNS = st.lists(
    st.tuples(st.sampled_from(["", "", "!"]), st.lists(PARTS, min_size=1, max_size=6)).map(
        lambda pair: pair[0] + "".join(pair[1])
    ),
    min_size=1,
    max_size=3,
)
PATHS = st.lists(
    st.lists(st.text("ab.-*", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join), min_size=1, max_size=6
)


class TestIgnoreFiles:
    @settings(max_examples=400, deadline=None)
    @given(PATTERNS, PATHS)
    def test_mean_what_they_meant(self, lines: list[str], paths: list[str]) -> None:
        rules = IgnoreRules("\n".join(lines))

        assert [rules.ignores(path) for path in paths] == [means("\n".join(lines), path) for path in paths]

    @pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/a" * 30 + "/b", "**a" * 40 + "b", "?*" * 60 + "b"])
    def test_take_time_for_what_they_are_long(self, pattern: str) -> None:
        with quickly():
            assert not IgnoreRules(pattern).ignores("a" * 250)
            assert not IgnoreRules(pattern).ignores("a/" * 500 + "c")

    def test_have_an_end(self) -> None:
        with pytest.raises(ValueError, match=r"^has more than 1000 patterns$"):
            IgnoreRules("a\n" * 1001)
        with pytest.raises(ValueError, match=r"^has a pattern of more than 4096 characters$"):
            IgnoreRules("a" * 4097)

    def test_with_a_set_that_is_none_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("[z-a]\n")
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a").touch()
        text = f'{HEAD}# [tool.onedigest]\n# copy = {{ "." = "data" }}\n# ignore-file = "x"\n{END}'
        script = parse(text.encode(), "a.py")

        with pytest.raises(InputError) as caught:
            collect(specify(script, Project(root=tmp_path), "a.py"), script, tmp_path)
        assert str(caught.value) == "x: has a pattern with the set 'z-a', whose range ends before it begins"


class TestPatterns:
    def test_of_many_folders_visit_each_place_once(self, tmp_path: Path) -> None:
        deep = tmp_path / "/".join("a" * 60)
        deep.mkdir(parents=True)
        (deep / "x").touch()
        text = f'{HEAD}# [tool.onedigest]\n# files = ["{"**/a/" * 14}**/y", "{"**/" * 20}x"]\n{END}'
        script = parse(text.encode(), "a.py")

        with quickly(), pytest.raises(InputError, match="matches nothing"):
            collect(specify(script, Project(root=tmp_path), "a.py"), script, tmp_path)

    def test_of_scripts_too(self, tmp_path: Path) -> None:
        (tmp_path / "/".join("a" * 60)).mkdir(parents=True)

        with quickly():
            assert Project(root=tmp_path, scripts=("**/a/" * 14 + "**/y.py",)).list_scripts() == []

    @pytest.mark.parametrize("line", ['copy = { "." = "a" }', 'files = ["**/x"]', 'files = ["a"]'])
    def test_do_not_go_deeper_than_anybody_does(self, line: str, tmp_path: Path) -> None:
        (tmp_path / "/".join("a" * 300)).mkdir(parents=True)
        script = parse(f"{HEAD}# [tool.onedigest]\n# {line}\n{END}".encode(), "a.py")

        with pytest.raises(InputError, match=r"is more than 256 folders deep$"):
            collect(specify(script, Project(root=tmp_path), "a.py"), script, tmp_path)


class TestImagesOfFlyte:
    def found(self, text: str) -> list[str]:
        found = find_images(f"import flyte\n{text}", Path("/a.py"), "a.py")
        return [str(each) for each in (*found.problems, *found.unread)] or [each.name for each in found.definitions]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("x = " + "(" * 5000, "a.py:2: not Python: too many nested parentheses"),
            ("x = " + "-" * 100_000 + "1", "a.py:1: not Python: it is nested too deeply"),
            ("x = a" + ".b" * 100_000, "a.py:1: not Python: it is nested too deeply"),
            (
                "#" * (1 << 19),
                "a.py: has more than 524288 characters, which is too long to be read for images\n"
                "hint: define the images in a file of their own, and import them",
            ),
        ],
    )
    def test_are_not_looked_for_without_end(self, text: str, expected: str) -> None:
        assert self.found(text) == [expected]

    def test_are_found_where_a_variable_is_given_itself(self) -> None:
        text = (
            "x = flyte.Image.from_debian_base(name='x')\ndef clean(text):\n    text = text.strip()\n    return text\n"
        )

        assert self.found(text) == ["x"]

    def test_are_found_through_thousands_of_variables(self) -> None:
        lines = [f"x{number + 1} = x{number}.with_apt_packages('a')" for number in range(3000)]

        with quickly():
            said = self.found("x0 = flyte.Image.from_debian_base(name='x')\n" + "\n".join(lines))
        hint = "hint: name several packages or commands in one step"
        assert said == [f"a.py:252: the image has more than 250 steps\n{hint}"]

    def test_are_found_among_variables_that_double_each_other(self) -> None:
        """Each variable may be one of two, of each of which the same is so: 2^200 ways."""
        text = "x0 = flyte.f()\n" + "".join(
            f"if 1:\n    x{n + 1} = x{n}.f()\nelse:\n    x{n + 1} = x{n}.g()\n" for n in range(200)
        )

        with quickly():
            assert self.found(text) == []

    @pytest.mark.parametrize(
        "text",
        [
            "def f0(): return flyte.Image.from_debian_base(name='x')\n"
            + "".join(f"def f{n + 1}(): return f{n}() or f{n}()\n" for n in range(60)),
            "s0 = ['a']\n" + "".join(f"s{n + 1} = [*s{n}, *s{n}]\n" for n in range(60)),
            "from pathlib import Path\ns0 = Path('a')\n" + "".join(f"s{n + 1} = s{n} / s{n}\n" for n in range(60)),
            "s60 = flyte.Image.from_debian_base(name='x')\n" + "if s60: s60 = s60.with_workdir('/')\n" * 3000,
            "def f60(): return f60()\ns60 = f60()\n",
        ],
    )
    def test_are_not_followed_without_end(self, text: str) -> None:
        with quickly():
            said = self.found(f"{text}x = flyte.Image.from_debian_base(name=s60, python_version=f60())\n")
        assert "the image cannot be read without running the script" in said[0] or "too many expressions" in said[0]

    def test_whose_value_is_too_large_are_not_made(self) -> None:
        assert self.found("x = flyte.Image.from_debian_base(name='a' * 10**9)")[0].startswith(
            "a.py:2: the image cannot be read without running the script: `10 ** 9` is no literal"
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:hunter2@host/x", "https://****@host/x"),
        ("a @ git+https://me@host/x@v1 b", "a @ git+https://****@host/x@v1 b"),
        ("https://me:p@ss@host/x and ssh://git@h/y", "https://****@host/x and ssh://****@h/y"),
        ("https://me:p/ss@host/x", "https://****@host/x"),
        ("http://host:80/x@1", "http://host:80/x@1"),
        ("git@host:x", "git@host:x"),
        ("//a:b@c//d:e@f", "//****@c//****@f"),
        ("no address", "no address"),
    ],
)
def test_passwords_are_not_repeated(text: str, expected: str) -> None:
    assert untrusted.without_secrets(text) == expected


@pytest.mark.parametrize("make", [lambda n: "/" * n, lambda n: "//a:" * n, lambda n: "@" * n, lambda n: " //a@" * n])
def test_passwords_are_found_in_time(make: Callable[[int], str]) -> None:
    with quickly():
        untrusted.without_secrets(make(200_000))


def test_a_long_text_is_quoted_in_part() -> None:
    assert untrusted.quoted("a" * 300) == f"'{'a' * 200}'…"
    assert untrusted.quoted("//me:hunter2@host") == "'//****@host'"


def test_a_lock_and_a_record_have_an_end() -> None:
    text = "[[packages]]\n" * (untrusted.MOST_LOCK // 12)
    for loads in (lock_text.loads, record.loads):
        with quickly(1), pytest.raises(InputError, match=f"more than {untrusted.MOST_LOCK} characters"):
            loads(text, "lockfiles/app/pylock.toml")


def test_rows_that_are_wrong_are_named_up_to_a_point() -> None:
    with pytest.raises(InvalidValue) as caught:
        Table({"packages": [{}] * 1000}).each("packages", lambda row: row.take("name", untrusted.text))
    assert len(caught.value.messages) == 50


@pytest.mark.parametrize(
    "selection",
    [
        Selection(files=("*", "*a" * 20 + "b"), reached=("a" * 200 + "c", "a" * 200 + "b")),
        Selection(files=("**", "**/*" + "?*a" * 20), reached=("x/" * 50 + "a" * 200 + "c",)),
        Selection(
            copies=(("x", "."),),
            ignore_file=".dockerignore",
            ignored=((False, "*a" * 20 + "b"),),
            reached=("a" * 200 + "c",),
        ),
    ],
)
def test_patterns_of_a_context_do_not_go_back_for_ever(selection: Selection) -> None:
    with quickly():
        patterns = context_patterns(selection, "lockfiles")

    assert any(row.included for row in patterns)


def test_rest_of_a_lock_is_read_line_by_line() -> None:
    lines = "".join(f"k{number} = 1\n" for number in range(100_000))
    with quickly(20):
        found = salvage_lock(f'[[packages]]\nname = "alpha"\n{lines}<\nversion = "1.0"\n')

    assert found is not None
    assert [package.key for package in found.packages] == [("alpha", "1.0")]
