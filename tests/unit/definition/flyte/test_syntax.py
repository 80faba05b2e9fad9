"""What a script says of its images is followed through names, functions and modules, or told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.definition.flyte.definition import Copy, Definition, PipPackages, RequirementsFile, Variables
from onedigest.definition.flyte.detection import may_have_images
from onedigest.definition.flyte.syntax import FoundImages, find_images

HEAD = "import os\nfrom pathlib import Path\nimport flyte\nfrom flyte import Image, TaskEnvironment\n"
RUN = (
    'hint: write it as a literal, or run the script with `flyte.init(image_builder="onedigest")`,'
    " which locks the image too"
)


def found(folder: Path, text: str, *, name: str = "jobs/job.py", **others: str) -> FoundImages:
    """Read a script in a project, beside modules."""
    for other, content in others.items():
        file = folder / "jobs" / f"{other}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    return find_images(HEAD + text, folder / name, Path(name).name, folder)


def one(folder: Path, text: str, **others: str) -> Definition:
    (definition,) = found(folder, text, **others).all()
    return definition


def packages(folder: Path, text: str, given: str = "P") -> tuple[str, ...]:
    """Return the packages of the image of a script, which are what stands for `P`."""
    step = one(folder, f"{text}\nx = Image.from_debian_base(name='x').with_pip_packages({given})\n").steps[-1]
    assert isinstance(step, PipPackages)
    return step.packages


def unread(folder: Path, text: str, **others: str) -> list[str]:
    return [str(each).removesuffix(f"\n{RUN}") for each in found(folder, text, **others).unread]


def not_literal(line: int, text: str, file: str = "job.py") -> str:
    return f"{file}:{line}: the image cannot be read without running the script: `{text}` is no literal"


class TestConstants:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("P = 'a'", "a"),
            ("P: str = 'a' 'b'", "ab"),
            ("N = 'a'\nP = N + '>=1'", "a>=1"),
            ("V = 2\nP = f'a=={V}.{V!s}'", "a==2.2"),
            ("A, P = 'x', 'a'", "a"),
            ("A = B = 'a'\nP = A", "a"),
            ("T = {'k': 'a'}\nP = T['k']", "a"),
            ("T = {'k': 'a'}\nP = {**T, 'z': 'q'}.get('k')", "a"),
            ("T = ('x', 'a')\nP = T[-1]", "a"),
            ("P = '-'.join(['a', 'b'])", "a-b"),
            ("P = '{}=={version}'.format('a', version=1)", "a==1"),
            ("P = ' A '.strip().lower()", "a"),
            ("V = '3.12'\nP = f\"a{int(V.split('.')[1])}\"", "a12"),
            ("P = str(Path(__file__).stem)", "job"),
            ("P = Path(__file__).with_suffix('.txt').name", "job.txt"),
            ("P = os.path.basename(os.path.dirname(os.path.abspath(__file__)))", "jobs"),
            ("class C:\n    a = 'a'\n    b = a + 'b'\nP = C.b", "ab"),
            ("from dataclasses import dataclass\n@dataclass\nclass C:\n    a: str = 'a'\nP = C().a + C(a='b').a", "ab"),
            ("def f(n='a'):\n    m = n + 'b'\n    return m\nP = f('x') + f()", "xbab"),
            ("P = 'x'\nP = 'a'", "a"),
            ("if os.environ:\n    P = 'x'\nP = 'a'", "a"),
            ("def g():\n    P = 'x'\n    return P\nP = 'a'", "a"),
        ],
    )
    def test_have_their_value_without_running(self, text: str, expected: str, tmp_path: Path) -> None:
        assert packages(tmp_path, text) == (expected,)

    @pytest.mark.parametrize(
        "text",
        [
            "P = ['a', 'b']",
            "A = ('a',)\nP = [*A, 'b']",
            "A = ['a']\nP = A + ['b']",
            "A = ('b', 'a')\nP = sorted(A)",
            "A = {'a': 1, 'b': 2}\nP = list(A)",
            "A = {'a': 'x', 'b': 'y'}\nP = [name for name, _ in A.items()]",
            "P = 'a b'.split()",
            "B = ['a']\nP = [*B, 'b']\ndef task(B):\n    B.append('z')\n",
        ],
    )
    def test_may_be_lists(self, text: str, tmp_path: Path) -> None:
        assert packages(tmp_path, text, "*P") == ("a", "b")

    @pytest.mark.parametrize(
        "text",
        [
            "P = ['a']\nP.append('b')",
            "P = ['a']\nP += ['b']",
            "P = ['a']\nP[0] = 'b'",
            "P = ['a']\ndel P[0]",
            "P = ['a']\nQ = P\nQ.append('b')",
            "P = Q = ['a']\nQ.append('b')",
            "P = ['a']\nT = {'k': P}\nT['k'].append('b')",
            "import random\nP = ['a', 'b']\nrandom.shuffle(P)",
            "P = ['a']\ndef add():\n    P.append('b')\nadd()",
            "P = ['a']\ndef add(to):\n    to.append('b')\n    return to\nQ = add(P)",
            "P = 'a'\ndef change():\n    global P\n    P = 'b'\nchange()",
            "P = 'a'\nglobals()['P'] = 'b'",
            "P = 'a'\nif os.environ:\n    P = 'b'",
            "try:\n    import tomllib\n    P = 'a'\nexcept ImportError:\n    P = 'b'",
            "for P in ('a', 'b'):\n    pass",
            "while True:\n    P = 'a'\n    P = P + 'b'",
            "import contextlib\nwith contextlib.suppress(OSError):\n    P = 'a'\n    open('')\n    P = 'b'",
            "import sys\nP = sys.version_info[:2]",
            "P = os.environ['P']",
            "P = P",
            "P = Q\nQ = P",
            "class Path:\n    def __init__(self, a): pass\nP = Path('a')",
            "P = [each for each in ('a', 'b') if each]",
            "P = 'a' if os.environ else 'b'",
            "P = 'x' * 10 ** 9",
            "P = '%s' % 'a'",
        ],
    )
    def test_that_something_else_may_change_are_none(self, text: str, tmp_path: Path) -> None:
        script = f"{text}\nx = Image.from_debian_base(name='x').with_pip_packages(P)\n"
        line = (HEAD + script).count("\n")

        assert found(tmp_path, script).definitions == ()
        assert unread(tmp_path, script) == [not_literal(line, "P")]

    def test_paths_are_beside_the_script(self, tmp_path: Path) -> None:
        text = (
            "HERE = Path(__file__).resolve().parent\nROOT = Path(__file__).parents[1]\n"
            "x = (\n    Image.from_debian_base(name='x')\n    .with_requirements(HERE / 'r.txt')\n"
            "    .with_source_file(ROOT.joinpath('data') / 'a.csv', dst='data')\n)\n"
        )
        first, second = one(tmp_path, text).steps

        assert isinstance(first, RequirementsFile)
        assert isinstance(second, Copy)
        assert (first.file, second.source) == (str(tmp_path / "jobs/r.txt"), str(tmp_path / "data/a.csv"))

    def test_registry_that_is_not_known_has_no_part(self, tmp_path: Path) -> None:
        text = "x = Image.from_debian_base(name='x', registry=os.environ['R'], registry_secret=os.getenv('S'))\n"
        definition = one(tmp_path, text)

        assert (definition.registry, definition.has_registry_secret) == ("", True)

    def test_arguments_may_come_from_a_table(self, tmp_path: Path) -> None:
        text = "T = {'name': 'x', 'python_version': (3, 12)}\nV = {'A': '1'}\nx = Image.from_debian_base(**T)\n"
        definition = one(tmp_path, text + "x = x.with_env_vars({**V, 'B': f'{V[\"A\"]}2'} | {'C': '3'})\n")

        assert (definition.name, definition.python) == ("x", "3.12")
        assert definition.steps[-1] == Variables(pairs=(("A", "1"), ("B", "12"), ("C", "3")))


class TestForms:
    @pytest.mark.parametrize(
        "text",
        [
            "from flyte import Image as I\nx = I.from_debian_base(name='x').with_pip_packages('a')",
            "from flyte._image import Image as I\nx = I.from_debian_base(name='x').with_pip_packages('a')",
            "x = (\n    flyte.Image\n    .from_debian_base(name='x')\n    .with_pip_packages('a')\n)",
            "x = flyte\\\n  .Image\\\n  .from_debian_base(name='x').with_pip_packages('a')",
            "make = Image.from_debian_base\nx = make(name='x').with_pip_packages('a')",
            "x = Image.from_debian_base(name='x')\nx = x.with_pip_packages('a')",
            "def make():\n    return Image.from_debian_base(name='x')\nx = make().with_pip_packages('a')",
            "def make(*several, name):\n    return Image.from_debian_base(name=name).with_pip_packages(*several)\n"
            "x = make('a', name='x')",
            "def make(P=('a',)):\n    image = Image.from_debian_base(name='x')\n    return image.with_pip_packages(*P)\nx = make()",
            "from functools import cache\n@cache\ndef make():\n    return Image.from_debian_base(name='x')\n"
            "x = make().with_pip_packages('a')",
            "make = lambda n: Image.from_debian_base(name=n)\nx = make('x').with_pip_packages('a')",
            "def more(image):\n    return image.with_pip_packages('a')\nx = more(Image.from_debian_base(name='x'))",
            "def more(image):\n    return image.with_pip_packages('a')\nb = Image.from_debian_base(name='x')\nx = more(b)",
            "T = {'base': Image.from_ref_name('b'), 'x': Image.from_debian_base(name='x').with_pip_packages('a')}",
            "class All:\n    base = Image.from_debian_base()\n    x = base.clone(name='x').with_pip_packages('a')",
            "async def run():\n    if (x := Image.from_debian_base(name='x').with_pip_packages('a')):\n        pass",
        ],
    )
    def test_that_give_one_image(self, text: str, tmp_path: Path) -> None:
        definition = one(tmp_path, f"{text}\n")

        assert definition.name == "x"
        assert [getattr(step, "packages", ()) for step in definition.steps] == [("a",)]

    @pytest.mark.parametrize(
        ("text", "line", "quoted"),
        [
            ("x = Image.from_debian_base(name='a') if os.environ else Image.from_debian_base(name='b')", 5, ""),
            ("x = Image.from_debian_base(name='a')\nif os.environ:\n    x = x.with_workdir('/w')\nprint(x)", 8, "x"),
            ("def f(n):\n    return Image.from_debian_base(name=n)", 6, "n"),
            ("def f(n):\n    return Image.from_debian_base(name=n)\nx = f(os.environ['X'])", 7, "os.environ['X']"),
            (
                "def f(n):\n    if n:\n        return None\n    return Image.from_debian_base(name='x')\nx = f(1)",
                9,
                "f(1)",
            ),
            ("def w(f): return f\n@w\ndef f():\n    return Image.from_debian_base(name='x')\nx = f()", 9, "f()"),
            ("x = Image.from_debian_base(name='x')\nobject.__setattr__(x, 'platform', ())", 5, ""),
            ("for n in 'ab':\n    Image.from_debian_base(name=n)", 6, "n"),
        ],
    )
    def test_that_only_running_tells(self, text: str, line: int, quoted: str, tmp_path: Path) -> None:
        said = unread(tmp_path, f"{text}\n")

        assert [each.split(": ")[0] for each in said] == [f"job.py:{line}"]
        assert f"`{quoted}" in said[0]
        assert found(tmp_path, f"{text}\n").definitions == ()

    def test_self_assignment_ends(self, tmp_path: Path) -> None:
        text = "x = Image.from_debian_base(name='x')\ndef clean(text):\n    text = text.strip()\n    return text\n"

        assert one(tmp_path, text).name == "x"

    def test_import_of_another_image_is_none(self, tmp_path: Path) -> None:
        text = "def run():\n    from PIL import Image\n    return Image.open('x').with_x()\nx = Image.from_debian_base(name='x')\n"

        assert one(tmp_path, text).name == "x"


class TestEnvironments:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("TaskEnvironment('e', image=x)", ("e",)),
            ("TaskEnvironment(name=f'{\"e\"}1', image=x)", ("e1",)),
            ("TaskEnvironment('e', [], None, None, None, None, None, False, x)", ("e",)),
            ("flyte.app.AppEnvironment(name='e', image=x)", ("e",)),
            ("class Own(TaskEnvironment):\n    pass\nOwn('e', image=x)", ("e",)),
            ("a = TaskEnvironment('e', image=x)\nb = a.clone_with('d')\nc = a.clone_with(name='c')", ("c", "d", "e")),
            ("TaskEnvironment('a').clone_with('e', x)", ("e",)),
            ("def make(name):\n    return TaskEnvironment(name=name, image=x)\nmake('e')", ("e",)),
            ("TaskEnvironment(os.sep, image=x)", ()),
            ("e = TaskEnvironment('e', image=x)\ne.image = e.image.with_workdir('/w')", ()),
            (
                "from flyte.extras import ContainerTask\nt = ContainerTask('t', image=x)\nTaskEnvironment.from_task('e', t)",
                ("e",),
            ),
        ],
    )
    def test_are_known_by_their_names(self, text: str, expected: tuple[str, ...], tmp_path: Path) -> None:
        script = f"x = Image.from_debian_base(name='x').with_pip_packages('a')\n{text}\n"

        assert [each.environments for each in found(tmp_path, script).definitions] == [expected]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("from flyte.extras import volume_image\nx = volume_image(b).with_workdir('/w')\n", ["job.py:8"]),
            ("from flyteplugins.kitchen import x\n", ["job.py:7"]),
            ("x = os.environ['IMAGE']\n", []),
            ("x = 'auto'\n", []),
        ],
    )
    def test_with_an_image_that_only_running_tells_are_said(
        self, text: str, expected: list[str], tmp_path: Path
    ) -> None:
        script = f"b = Image.from_debian_base(name='x')\n{text}e = TaskEnvironment('e', image=x)\n"
        said = unread(tmp_path, script + "f = TaskEnvironment('f', image=Image.from_debian_base(name='y'))\n")

        assert [each.split(": ")[0] for each in said] == expected

    def test_of_equal_images_are_merged(self, tmp_path: Path) -> None:
        image = "Image.from_debian_base(name='x')"
        text = f"TaskEnvironment('b', image={image})\nTaskEnvironment('a', image={image})\n"

        assert one(tmp_path, text).environments == ("a", "b")


class TestModulesBeside:
    IMAGES = (
        "import flyte\nfrom settings import NAME\nbase = flyte.Image.from_debian_base(name=NAME)\n"
        "def make(name):\n    return base.clone(name=name)\n"
    )

    def test_give_constants_and_images(self, tmp_path: Path) -> None:
        text = (
            "import settings as s\nfrom images import base, make\nTaskEnvironment('one', image=base)\n"
            "TaskEnvironment('two', image=make(s.NAME + '2'))\nTaskEnvironment('three', image=base.with_workdir('/w'))\n"
        )
        made = found(tmp_path, text, images=self.IMAGES, settings="NAME = 'set'\n").all()
        told = {each.environments: (each.name, Path(each.file).name, each.line) for each in made}

        assert told == {
            ("one",): ("set", "images.py", 3),
            ("two",): ("set2", "job.py", 8),
            ("three",): ("set", "job.py", 9),
        }

    def test_are_told_of_which_all_stands_in(self, tmp_path: Path) -> None:
        text = "from images import base\nTaskEnvironment('one', image=base)\nimport other\n"
        made = found(tmp_path, text, images=self.IMAGES, settings="NAME = 'set'\n", other="import os\n")

        assert [each.name for each in made.read] == ["images.py", "settings.py"]

    @pytest.mark.parametrize(
        ("text", "others"),
        [
            ("from shared.names import NAME", {"shared/names": "NAME = 'x'"}),
            ("from shared import names\nNAME = names.NAME", {"shared/names": "NAME = 'x'"}),
            ("import shared.names\nNAME = shared.names.NAME", {"shared/names": "NAME = 'x'"}),
            ("from shared import NAME", {"shared/__init__": "from .names import *", "shared/names": "NAME = 'x'"}),
            ("from .names import NAME", {"names": "NAME = 'x'"}),
            ("from ..jobs.names import NAME", {"names": "NAME = 'x'"}),
            ("from jobs.names import NAME", {"names": "NAME = 'x'"}),
            ("from names import *", {"names": "NAME = 'x'"}),
        ],
    )
    def test_are_found_as_python_finds_them(self, text: str, others: dict[str, str], tmp_path: Path) -> None:
        assert one(tmp_path, f"{text}\nx = Image.from_debian_base(name=NAME)\n", **others).name == "x"

    def test_that_import_each_other_end(self, tmp_path: Path) -> None:
        others = {"a": "from b import NAME\n", "b": "from a import NAME\n"}
        text = "from a import NAME\nx = Image.from_debian_base(name=NAME)\n"

        assert unread(tmp_path, text, **others) == [not_literal(6, "NAME")]

    def test_outside_of_the_project_are_not_read(self, tmp_path: Path) -> None:
        (tmp_path / "names.py").write_text("NAME = 'x'\n")
        project = tmp_path / "project"
        text = "from ...names import NAME\nx = Image.from_debian_base(name=NAME)\n"
        (project / "jobs").mkdir(parents=True)
        (project / "jobs" / "linked.py").symlink_to(tmp_path / "names.py")

        assert unread(project, text) == [not_literal(6, "NAME")]
        assert unread(project, text.replace("...names", "linked")) == [not_literal(6, "NAME")]

    def test_whose_images_only_running_tells_are_said_with_their_line(self, tmp_path: Path) -> None:
        images = "import flyte, os\nbase = flyte.Image.from_debian_base(name=os.sep)\n"
        text = "from images import base\nTaskEnvironment('e', image=base)\n"

        assert unread(tmp_path, text, images=images) == [not_literal(2, "os.sep", "images.py")]

    def test_with_the_environment_leave_a_script_none_of_its_own(self, tmp_path: Path) -> None:
        job = "import flyte\nenv = flyte.TaskEnvironment('e', image=flyte.Image.from_debian_base(name='x'))\n"

        assert found(tmp_path, "from job2 import env\n@env.task\ndef t(): pass\n", job2=job).definitions == ()
        assert unread(tmp_path, "from job2 import env\n") == []

    def test_that_are_no_python_or_too_many_give_nothing(self, tmp_path: Path) -> None:
        text = "from names import NAME\nx = Image.from_debian_base(name=NAME)\n"

        assert unread(tmp_path, text, names="NAME = (\n") == [not_literal(6, "NAME")]
        chain = {f"m{n}": f"from m{n + 1} import NAME\n" for n in range(70)}
        assert unread(tmp_path, text.replace("names", "m0"), m70="NAME = 'x'\n", **chain) == [not_literal(6, "NAME")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from flyte import Image as I\nI.from_debian_base()", True),
        ("import flyte\nfrom images import base\nflyte.TaskEnvironment('e', image=base)", True),
        ("flyte.Image\n  .from_base('x')", True),
        ("import flyte", False),
        ("from PIL import Image", False),
    ],
)
def test_scripts_that_are_worth_a_look(text: str, expected: bool) -> None:
    assert may_have_images(text) is may_have_images(text.encode()) is expected
