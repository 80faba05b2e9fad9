"""The table of all keys of `[tool.onedigest]`, which specs, messages, the schema and the reference page are read off.

A new key is a row here, a field of `Spec`, and its use. A default that moves needs a new `formats.DEFAULTS`.
"""

from __future__ import annotations

from typing import Any

from onedigest import platforms
from onedigest.definition import container_values, healthcheck, shapes
from onedigest.definition.key import Key, Place

APPLICATION = "/app"
"""Where the script and its files are, unless the working directory is the user's own."""

_OF_SCRIPTS = frozenset({Place.SCRIPT, Place.SETTINGS})
_OF_PROJECTS = frozenset({Place.SETTINGS})
_OF_IMAGES = frozenset({Place.IMAGE})

GROUPS: tuple[tuple[str, tuple[Key, ...]], ...] = (
    (
        "The image and where it runs",
        (
            Key(
                name="name",
                shape=shapes.NAME,
                without="the file's name, or that of the project",
                says="The name of the image and of the folder of its lock.",
                example="penguins",
            ),
            Key(
                name="base",
                shape=shapes.BASE,
                default="debian",
                says="What is below the virtual environment: Debian's packages, or an image of a registry.",
                example="docker.io/library/python:3.13-slim",
            ),
            Key(
                name="platforms",
                shape=shapes.PLATFORMS,
                default=platforms.ALL,
                says="The platforms that the image is for.",
                example=["linux/arm64"],
            ),
            Key(
                name="security",
                shape=shapes.FLAG,
                default=True,
                says="Whether Debian's security updates are taken.",
                example=False,
            ),
            Key(
                name="repository",
                shape=shapes.REPOSITORY,
                default="",
                without="none",
                says="Where `--push` sends the image, and its name in archives.",
                example="ghcr.io/acme/penguins",
            ),
            Key(
                name="bytecode",
                shape=shapes.FLAG,
                default=True,
                says="Whether the image has bytecode of its Python sources, so that programs start without compiling.",
                example=False,
            ),
            Key(
                name="max-layers",
                shape=shapes.LAYERS,
                default=64,
                says="How many layers the image has at most.",
                example=20,
            ),
            Key(
                name="rules",
                shape=shapes.RULES,
                default=("docker",),
                says="The tools that can build the image without onedigest; no image depends on it.",
                example=["docker", "bazel", "nix"],
            ),
        ),
    ),
    (
        "What is installed",
        (
            Key(
                name="system-packages",
                shape=shapes.PACKAGES,
                default=(),
                says="Debian packages, which bring what they need along.",
                example=["libgomp1", "git"],
            ),
            Key(
                name="build",
                shape=shapes.PROJECTS,
                default=(),
                says="Packages that may be built from source: of git, archives and source distributions.",
                example=["acme-models"],
            ),
            Key(
                name="extras",
                shape=shapes.EXTRAS,
                default=(),
                says="The extras of the project that its image has.",
                example=["postgres"],
                places=_OF_IMAGES,
            ),
            Key(
                name="groups",
                shape=shapes.GROUPS,
                default=(),
                says="The dependency groups of the project that its image has.",
                example=["server"],
                places=_OF_IMAGES,
            ),
        ),
    ),
    (
        "Files of the application",
        (
            Key(
                name="files",
                shape=shapes.PATTERNS,
                default=(),
                says="Patterns of files below the script's folder, which go to the same paths below `/app`.",
                example=["data/*.csv", "templates/**/*.html"],
            ),
            Key(
                name="copy",
                shape=shapes.COPIES,
                default=(),
                says="Files and folders from anywhere in the project, by a path below `/app` or an absolute one.",
                example={"lib": "../lib", "/etc/app": ["config", "../shared/config"]},
            ),
            Key(
                name="ignore-file",
                shape=shapes.PATH,
                default="",
                without="none",
                says="A .dockerignore, which says what is left out of what `copy` names.",
                example="../.dockerignore",
            ),
            Key(
                name="ignore-in-copies",
                shape=shapes.FLAG,
                default=False,
                says="Whether the lines of `ignore-file` are also about each folder that `copy` names.",
                example=True,
            ),
            Key(
                name="include-script",
                shape=shapes.FLAG,
                default=True,
                says="Whether the script is in the image; some platforms bring code themselves.",
                example=False,
                places=_OF_SCRIPTS,
            ),
        ),
    ),
    (
        "Variables and labels",
        (
            Key(
                name="env",
                shape=shapes.VARIABLES,
                default=(),
                says="Variables of the container's environment.",
                example={"POLARS_MAX_THREADS": "4"},
                merged=True,
            ),
            Key(
                name="expand-env",
                shape=shapes.STRING_SET,
                default=(),
                says="Names in `env` whose `$NAME` and `${NAME:-word}` are filled in from the base.",
                example=["PATH"],
            ),
            Key(
                name="labels",
                shape=shapes.LABELS,
                default=(),
                says="Labels in the configuration, which `docker inspect` shows.",
                example={"org.opencontainers.image.source": "https://github.com/acme/penguins"},
                merged=True,
            ),
            Key(
                name="annotations",
                shape=shapes.LABELS,
                default=(),
                says="Annotations of the index and of each manifest, which registries and code hosts show.",
                example={"org.opencontainers.image.description": "Reads penguins"},
                merged=True,
            ),
        ),
    ),
    (
        "How a container starts and stops",
        (
            Key(
                name="user",
                shape=shapes.USER,
                default="65532:65532",
                says="The user and the group that the program runs as, by their numbers.",
                example="1000:1000",
            ),
            Key(
                name="workdir",
                shape=shapes.FOLDER,
                default=APPLICATION,
                says="The working directory, which the user may write to.",
                example="/srv",
            ),
            Key(
                name="own-workdir",
                shape=shapes.FLAG,
                default=False,
                says="Whether the application is in the working directory, and all of it belongs to the user.",
                example=True,
            ),
            Key(
                name="entrypoint",
                shape=shapes.STRINGS,
                default=(),
                without="Python with the script, or the only program of the project",
                says="The program that a container starts; `[]` is none.",
                example=["/opt/venv/bin/uvicorn", "main:app"],
            ),
            Key(
                name="args",
                shape=shapes.STRINGS,
                default=(),
                says="The arguments of the program, in whose place those of `docker run` stand.",
                example=["--port", "8080"],
            ),
            Key(
                name="run",
                shape=shapes.COMMANDS,
                default=(),
                says="Commands that docker buildx executes while it builds, without a network.",
                example=["python -m myproject.prepare /srv/data"],
            ),
            Key(
                name="expose",
                shape=container_values.PORTS,
                default=(),
                says="The ports that the program listens on, of `/tcp` where nothing else is said.",
                example=[8080, "5353/udp", "9000-9010"],
            ),
            Key(
                name="volumes",
                shape=container_values.VOLUMES,
                default=(),
                says="Folders for data that stays, which engines mount.",
                example=["/data"],
            ),
            Key(
                name="healthcheck",
                shape=healthcheck.HEALTHCHECK,
                without="none",
                says="How an engine asks whether the program is well; `false` says that nothing asks.",
                example={"command": ["/opt/venv/bin/python", "/app/check.py"], "interval": "30s"},
                keys=healthcheck.HEALTH,
            ),
            Key(
                name="stop-signal",
                shape=container_values.SIGNAL,
                default="SIGINT",
                says="The signal by which `docker stop` asks the program to end.",
                example="SIGTERM",
            ),
        ),
    ),
    (
        "The project",
        (
            Key(
                name="scripts",
                shape=shapes.SCRIPTS,
                default=(),
                says="Patterns of the scripts that `--all` means.",
                example=["jobs/*.py"],
                places=_OF_PROJECTS,
            ),
            Key(
                name="required-version",
                shape=shapes.VERSIONS,
                without="every version",
                says="The versions of onedigest that may be used; another one stops, and says what to install.",
                example=">=0.1,<2",
                places=_OF_PROJECTS,
            ),
        ),
    ),
)
"""All keys, as a reader looks for them."""

KEYS: dict[str, Key] = {key.name: key for _, keys in GROUPS for key in keys}
OF_SPECS: dict[str, Key] = {key.field: key for key in KEYS.values() if key.places != _OF_PROJECTS}
"""The keys that a spec has a field for, by its name."""
DEFAULT: dict[str, Any] = {field: key.default for field, key in OF_SPECS.items()}


def in_place(*places: Place) -> tuple[str, ...]:
    """Return the names of the keys that may be written in one of some places."""
    return tuple(name for name, key in KEYS.items() if not key.places.isdisjoint(places))
