"""Written on Windows."""

import flyte

PACKAGES = ["attrs", "idna"]

env = flyte.TaskEnvironment(
	name="windows_lines",
	image=flyte.Image.from_debian_base(
		name="windows-lines",
	)
	.with_pip_packages(*PACKAGES),
)


@env.task
def a() -> str:
	return "a"
