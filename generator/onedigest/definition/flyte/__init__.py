"""The images of Flyte tasks: their definitions, what onedigest locks for them, and Flyte's builder of them.

Nothing here imports Flyte but `sdk.py` and `builder.py`, which Flyte itself loads.
"""
