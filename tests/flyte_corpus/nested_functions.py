import flyte

env = flyte.TaskEnvironment(
    name="nested_functions", image=flyte.Image.from_debian_base(name="nested").with_pip_packages("attrs")
)


@env.task
def clean(text: str) -> str:
    text = text.strip()
    lines = [text := text.lower() for _ in range(2)]
    image = text
    image = image.strip().clone() if hasattr(image, "clone") else image
    while text:
        text = text[1:]
    return lines[-1] + image


def recursive(image):
    image = recursive(image)
    return image
