# %% [markdown]
# # A notebook, saved as a script

# %%
import flyte

# %%
PACKAGES = [
    "pandas",
    "matplotlib",
]

# %%
env = flyte.TaskEnvironment(
    name="cells", image=flyte.Image.from_debian_base(name="cells").with_pip_packages(*PACKAGES)
)


# %%
@env.task
async def plot() -> int:
    return 1


# %%
if __name__ == "__main__":
    flyte.init()
    print(flyte.run(plot))
