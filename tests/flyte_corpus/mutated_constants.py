import flyte

PACKAGES = ["attrs"]
PACKAGES.append("idna")

VARIABLES = {"A": "1"}
VARIABLES["B"] = "2"

MORE = ["cattrs"]
MORE += ["rich"]

appended = flyte.TaskEnvironment(
    name="mutated_list", image=flyte.Image.from_debian_base(name="mutated-list").with_pip_packages(*PACKAGES)
)
stored = flyte.TaskEnvironment(
    name="mutated_dict", image=flyte.Image.from_debian_base(name="mutated-dict").with_env_vars(VARIABLES)
)
augmented = flyte.TaskEnvironment(
    name="mutated_augmented", image=flyte.Image.from_debian_base(name="mutated-augmented").with_pip_packages(*MORE)
)


@appended.task
def a() -> str:
    return "a"
