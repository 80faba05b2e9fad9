"""Any script: its block is read, its settings checked, its files listed and its images of Flyte found."""

from __future__ import annotations

import warnings
from pathlib import Path

from onedigest.definition.files import collect
from onedigest.definition.flyte.detection import may_have_images
from onedigest.definition.flyte.recipe import make_recipe
from onedigest.definition.flyte.syntax import find_images
from onedigest.definition.project import Project
from onedigest.definition.script import canonical_text, parse
from onedigest.definition.spec import dumps, specify
from onedigest.errors import InputError

SEEDS: tuple[bytes, ...] = (
    b'# /// script\n# requires-python = ">=3.11"\n# dependencies = ["numpy>=2", "attrs; python_version > \'3\'"]\n# ///\n',
    b'# /// script\n# dependencies = []\n# [tool.onedigest]\n# files = ["data/*.csv", "**/*"]\n# user = "1:2"\n# ///\n',
    b'# /// script\n# [tool.onedigest]\n# copy = { "lib" = "../lib", "x" = ["a", "b"] }\n# ignore-file = "i"\n# ///\n',
    b'# /// script\n# [tool.onedigest]\n# env = { A = "1" }\n# labels = { b = "2" }\n# run = ["a \'b\'"]\n# ///\n',
    b'# /// script\n# [tool.onedigest]\n# name = "a"\n# workdir = "/x"\n# own-workdir = true\n# max-layers = 9\n# ///\n',
    b'# /// script\n# [[tool.uv.index]]\n# name = "x"\n# url = "https://me:secret@host/x"\n# ///\n',
    b"# /// other\n# a\n# ///\n#\n\n# /// script\n# dependencies = []\n# ///\n",
    b'import flyte\nx = flyte.Image.from_debian_base(name="x", python_version=(3, 13)).with_pip_packages("a", pre=True)\n',
    b'from flyte import Image\na = Image.from_uv_script(__file__, name="x", registry="r")\nb = a.with_env_vars({"A": "1"})\n',
    b'import flyte\nx = flyte.Image.from_base("a/b:1").clone(name="y", extendable=True).with_requirements("r.txt").with_commands(["ls"])\n',
    b'from flyte import Image, Secret\nx = Image.from_debian_base(name="x").with_apt_packages("a", secret_mounts=Secret("k"))\n',
)
TOKENS: tuple[bytes, ...] = (
    b"# /// script\n",
    b"# ///\n",
    b"# [tool.onedigest]\n",
    b"[[",
    b"{a=",
    b"a.",
    b"**/",
    b"../",
    b'""',
    b"\\u0000",
    b"\\ud800",
    b"nan",
    b"2020-01-01",
    b"1e999",
    b"(" * 100,
    b"9" * 5000,
    b"\xff",
    b"\0",
    b".with_source_folder(",
    b".with_uv_project(",
    b"\nx = x.y()\n",
    b"*",
    b"None",
)
EXPECTED: tuple[type[Exception], ...] = (InputError,)


def run(data: bytes) -> None:
    warnings.simplefilter("error")
    here = Path.cwd()
    text = canonical_text(data, "a.py")
    if may_have_images(text):
        (here / "a.py").write_bytes(data)
        for definition in find_images(text, here / "a.py", "a.py").all():
            script = make_recipe(definition, root=here, shown=str).script
            dumps(specify(script, Project(root=here), "a.py"))
        return
    script = parse(data, "a.py")
    spec = specify(script, Project(root=here), "a.py")
    dumps(spec)
    for file in collect(spec, script, here):
        assert file.target == "a.py"  # there is nothing else
