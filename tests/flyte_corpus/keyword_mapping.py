import flyte

COMMON = {"resources": flyte.Resources(cpu=1, memory="1Gi"), "retries": 1}

image = flyte.Image.from_debian_base(name="keyword-mapping").with_pip_packages("attrs")
env = flyte.TaskEnvironment("keyword_mapping", image=image, resources=COMMON["resources"])
positional = flyte.TaskEnvironment("keyword_more", **{"image": image})


@env.task(retries=3)
def a() -> str:
    return "a"
