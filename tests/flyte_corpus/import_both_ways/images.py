import flyte

image = flyte.Image.from_debian_base(name="both-ways").with_pip_packages("attrs")
