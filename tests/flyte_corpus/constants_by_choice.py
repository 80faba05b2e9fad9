import flyte

DEBUG = False
NAME = "choice-debug" if DEBUG else "choice"
PYTHON = (3, 12)
WORDS = """
attrs
idna
"""
PACKAGES = sorted(["idna", "attrs"]) + ["cattrs", "rich"][:1]
TAG = f"{PYTHON[0]}.{PYTHON[1]}"
RATIO = 0.5

chosen = flyte.TaskEnvironment(
    name="choice", image=flyte.Image.from_debian_base(name=NAME, python_version=PYTHON).with_pip_packages("attrs")
)
listed = flyte.TaskEnvironment(
    name="choice_listed", image=flyte.Image.from_debian_base(name="choice-listed").with_pip_packages(*PACKAGES)
)
words = flyte.TaskEnvironment(
    name="choice_words", image=flyte.Image.from_debian_base(name="choice-words").with_pip_packages(*WORDS.split())
)
joined = flyte.TaskEnvironment(
    name="choice_joined",
    image=flyte.Image.from_debian_base(name="-".join(["choice", "joined"])).with_env_vars(
        {"TAG": TAG, "RATIO": f"{RATIO:.1f}", "COUNT": str(len(PACKAGES)), "NUMBER": str(4 * 2)}
    ),
)


@chosen.task
def a() -> str:
    return "a"
