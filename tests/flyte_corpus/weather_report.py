# /// script
# requires-python = ">=3.12"
# dependencies = [
#     "flyte>=2.8",
#     "pandas",
#     "requests",
# ]
# ///
"""Fetch a forecast for a few towns and put it into one table."""

import asyncio

import pandas as pd
import requests

import flyte

env = flyte.TaskEnvironment(
    name="weather_report",
    resources=flyte.Resources(cpu=1, memory="500Mi"),
    image=flyte.Image.from_uv_script(__file__, name="weather-report"),
)


@env.task
async def forecast(town: str) -> dict:
    text = requests.get(f"https://forecast.example/{town}", timeout=10).text
    text = text.strip()
    return {"town": town, "text": text}


@env.task
async def main(towns: list[str]) -> int:
    rows = await asyncio.gather(*(forecast(town) for town in towns))
    return len(pd.DataFrame(rows))


if __name__ == "__main__":
    flyte.init_from_config()
    run = flyte.run(main, towns=["Oslo", "Bergen"])
    print(run.url)
    run.wait()
