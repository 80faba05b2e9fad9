import flyte

IMAGE = flyte.Image.from_debian_base(name="dotted").with_pip_packages("attrs")
