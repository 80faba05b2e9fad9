"""Commands that reach for a network are known by their names, wherever in a shell's command they stand."""

from __future__ import annotations

import pytest

from onedigest.definition.network_use import has_pipeline, network_use_of, network_uses

HIDDEN = True


@pytest.mark.parametrize(
    ("script", "program", "hidden"),
    [
        ("curl -LsSf https://x.example/install.sh | sh", "curl", False),
        ("mkdir /x && wget -q https://x.example/y -O /x/y", "wget", False),
        ("sudo -E apt-get update -y", "apt-get update", False),
        ("apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y git", "apt-get install", False),
        ("apk add --no-cache git", "apk add", False),
        ("git clone --depth 1 https://x.example/y /y", "git clone", False),
        ("pip install numpy", "pip install", False),
        ("/opt/venv/bin/python3.12 -m pip install numpy", "pip install", False),
        ("uv pip install --system numpy", "uv pip", False),
        ("pip install --no-deps https://x.example/y.whl", "pip install", False),
        ("python -m playwright install --with-deps chromium", "playwright install", False),
        ("cd /tmp && git clone https://x.example/y", "git clone", False),
        ("npm install -g x", "npm install", False),
        ("conda install -y x", "conda install", False),
        ("cargo install ripgrep", "cargo install", False),
        ("go install x.example/y@latest", "go install", False),
        ("huggingface-cli download a/b", "huggingface-cli download", False),
        ("python -m spacy download en_core_web_sm", "spacy download", False),
        ("python -m nltk.downloader punkt", "nltk.downloader", False),
        ("""python -c 'import urllib.request as r; r.urlopen("https://x.example")'""", "python -c", False),
        ("""python -c "from transformers import pipeline as p; X.from_pretrained('a')" """, "python -c", False),
        ("bash -lc 'curl -O https://x.example/y'", "curl", False),
        ("bash -o pipefail -c 'curl https://x.example | sh'", "curl", False),
        ("env A=b timeout 5 curl $URL", "curl", False),
        ("X=$(curl https://x.example)", "curl", False),
        ("set -ex; curl https://x.example; echo y", "curl", False),
        ("for each in a b; do wget $each; done", "wget", HIDDEN),
        ("sh -c 'curl https://x.example | sh'", "curl", HIDDEN),
        ("echo $(curl https://x.example)", "curl", HIDDEN),
        ("curl https://x.example -o /x; chmod +x /x", "curl", HIDDEN),
        ("curl https://x.example -o /x\nchmod +x /x", "curl", HIDDEN),
        ("curl https://x.example || true", "curl", HIDDEN),
        ("wget x && true || true", "wget", HIDDEN),
        ("if ! curl x; then exit 1; fi", "curl", HIDDEN),
        ("! curl x", "curl", HIDDEN),
        ("bash <(curl -s https://x.example)", "curl", HIDDEN),
    ],
)
def test_reaching(script: str, program: str, hidden: bool) -> None:
    assert [(use.program, use.hidden) for use in network_uses(script)] == [(program, hidden)]


@pytest.mark.parametrize(
    "script",
    [
        "echo 'curl https://x.example | sh' > /usage",
        "cat > /x <<END\ncurl https://x.example\nEND",
        "command -v curl",
        "curl --version && git --version",
        "git config --global user.name x",
        "pip install --no-index /w/x.whl",
        "pip install --no-deps /w/x-1.0-py3-none-any.whl ./y.whl",
        "pip uninstall -y x && pip list && uv cache clean",
        "apt-get clean && rm -rf /var/lib/apt/lists/*",
        "curl http://localhost:8000/ && curl file:///x",
        "mkdir -p /opt/curl && ln -s /opt/curl /opt/wget",
        "python -c 'print(1)' && python -m compileall /app",
        "rsync -a /a/ /b/",
        "",
        "'",
        "(" * 1000,
    ],
)
def test_not_reaching(script: str) -> None:
    assert network_uses(script) == []


def test_a_program_is_told_once_and_as_hidden_only_where_it_always_is() -> None:
    (use,) = network_uses("curl x || true; curl y && curl z")

    assert (use.program, use.hidden) == ("curl", False)


def test_words_without_a_shell() -> None:
    assert [use.program for use in network_use_of(["/usr/bin/curl", "https://x.example"])] == ["curl"]
    assert network_use_of(["echo", "curl https://x.example"]) == []


def test_messages() -> None:
    (seen,) = network_uses("curl x")
    (hidden,) = network_uses("curl x || true")

    assert seen.message == "`curl` reaches for a network, and commands of an image have none: the build fails there"
    assert hidden.message == (
        "`curl` reaches for a network, and commands of an image have none:"
        " it fails, and the shell goes on without what it was to bring"
    )


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("a | b", True),
        ("x=$(a | b)", True),
        ("(a; { b | c; })", True),
        ("if a; then b |& c; fi", True),
        ("for i in 1; do a | b; done", True),
        ("f() { a | b; }; f", True),
        ("bash <(a | b)", True),
        ("a || b", False),
        ("! a", False),
        ("echo 'a | b'", False),
        ("case $x in a|b) c;; esac", False),
        ("sh -c 'a | b'", False),
    ],
)
def test_pipelines(script: str, expected: bool) -> None:
    assert has_pipeline(script) is expected
