"""A law of Flyte's images: whatever calls make one, its text says what the SDK's object holds."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onedigest.definition.flyte.syntax import find_images
from onedigest.flyte_plugin.written import find_written

HERE = "Path(__file__).parent"
PYTHONS = ("(3, 11)", "(3, 12)", "(3, 13)", "None")
PLATFORMS = ('"linux/amd64"', '("linux/arm64",)', '("linux/arm64", "linux/amd64")', "None")
NAMES = ('"x"', '"team/x-1"')
REGISTRIES = ('"r.example/team"', "None", '""', 'os.environ["PATH"]')
SECRETS = (
    '"key"',
    'flyte.Secret("key", "group")',
    '[flyte.Secret(key="a-b", group="c"), "d"]',
    'flyte.Secret(key="k", as_env_var="E")',
    'flyte.Secret(key="k", mount=Path("/etc/flyte/secrets"))',
    "[]",
    "None",
)
PIP = {
    "index_url": ('"https://i.example/simple"', "None"),
    "extra_index_urls": ('"https://a.example"', '("https://a.example", "https://b.example")', "()", '""'),
    "pre": ("True", "False"),
    "extra_args": ('"--no-cache"', '""'),
    "secret_mounts": SECRETS,
}
DEBIAN = {
    "registry": REGISTRIES,
    "python_version": PYTHONS,
    "flyte_version": ('"2.8.0"', '"v2.9.0"', "None"),
    "install_flyte": ("True", "False"),
    "registry_secret": ('"key"', "None"),
    "platform": PLATFORMS,
}
CLONE = {
    "name": NAMES,
    "registry": REGISTRIES,
    "python_version": PYTHONS,
    "platform": PLATFORMS,
    "registry_secret": ('"key"', "None"),
}
FIXED = (
    '.with_apt_packages("git", "curl")',
    ".with_apt_packages(secret_mounts='key')",
    '.with_env_vars({"A": "1", "PATH": "/x:$PATH"})',
    ".with_env_vars(env_vars={})",
    '.with_workdir("/srv")',
    '.with_commands(["a", "b"])',
    '.with_commands(commands="a", secret_mounts="key")',
    ".with_source_file(Path(__file__))",
    '.with_source_file([Path("d/a.csv"), Path("r.txt")], dst="/data")',
    '.with_source_file(Path("d/a.csv"), "")',
    '.with_source_folder(Path("d"))',
    '.with_source_folder(Path("./d/"), copy_contents_only=True)',
    '.with_source_folder(Path("."), dst="")',
    f'.with_source_folder({HERE} / "d", "/opt/d")',
    f'.with_uv_project({HERE} / "pyproject.toml")',
    '.with_uv_project("pyproject.toml", uvlock=Path("uv.lock"), project_install_mode="install_project")',
    '.with_dockerignore(Path("none-of-these"))',
    '.with_code_bundle("all", dst="/code")',
    '.with_poetry_project("pyproject.toml")',
    '.with_pixi_project(Path("pyproject.toml"), environment="e")',
    ".with_local_v2()",
)


def arguments(table: dict[str, tuple[str, ...]], *first: str) -> st.SearchStrategy[str]:
    several = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in table.items()})
    return several.map(lambda given: ", ".join([*first, *(f"{name}={value}" for name, value in given.items())]))


STARTS = st.one_of(
    arguments(DEBIAN, 'name="x"').map("flyte.Image.from_debian_base({})".format),
    arguments({**PIP, "python_version": PYTHONS}, "__file__", 'name="x"').map("flyte.Image.from_uv_script({})".format),
    st.just('flyte.Image.from_base("r.example/python:3.12").clone(name="x", extendable=True)'),
    st.just('flyte.Image.from_base("ghcr.io/flyteorg/flyte:py3.12-v2.8.0").clone(name="x", extendable=True)'),
    st.just('flyte.Image.from_debian_base(name="x", python_version=(3, 12)).clone(base_image="r.example/python:3.12")'),
    st.just('flyte.Image.from_pixi_script(__file__, name="x")'),
)
CALLS = st.one_of(
    st.sampled_from(FIXED),
    arguments(CLONE).map(".clone({})".format),
    arguments(PIP, '"attrs"', '"idna>=3"').map(".with_pip_packages({})".format),
    arguments(PIP, '"r.txt"').map(".with_requirements({})".format),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a script, with the files that it names."""
    folder = tmp_path_factory.mktemp("chains")
    for name in ("r.txt", "pyproject.toml", "uv.lock", "d/a.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    return folder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=STARTS, calls=st.lists(CALLS, max_size=4))
def test_text_says_what_the_sdk_holds(start: str, calls: list[str], place: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import flyte  # noqa: F401  the script's own import is quiet then

        from onedigest.flyte_plugin.sdk import host_defaults, read_image
    file = place / "job.py"
    text = f"import os\nfrom pathlib import Path\nimport flyte\nimage = {start}{''.join(calls)}\n"
    names: dict[str, object] = {"__file__": str(file)}
    exec(compile(text, str(file), "exec"), names)
    file.write_text(text, encoding="utf-8")
    python, version = host_defaults()
    held = read_image(names["image"], place)

    found = find_written(held, [str(file)], python=python, flyte=version)
    assert found, f"{held}\nis not\n{find_images(text, file, file.name)}"
