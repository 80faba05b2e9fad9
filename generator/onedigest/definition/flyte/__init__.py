"""Knows images of Flyte tasks: how they are defined, how they become what onedigest locks, and Flyte's builder of them.

Nothing here imports Flyte but `sdk.py` and `builder.py`, which Flyte itself loads.
"""
