import flyte

envs = []
for name, packages in (("loop_a", ["attrs"]), ("loop_b", ["idna"])):
    image = flyte.Image.from_debian_base(name=name.replace("_", "-")).with_pip_packages(*packages)
    envs.append(flyte.TaskEnvironment(name=name, image=image))


@envs[0].task
def a() -> str:
    return "a"
