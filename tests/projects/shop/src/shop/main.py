"""What the shop answers."""

from importlib.resources import files

import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from shop_prices import price_of
from shop_tax import with_tax

app = FastAPI()


@app.get("/prices/{name}")
def price(name: str) -> dict[str, float]:
    """Return what a thing costs."""
    return {"price": with_tax(price_of(name))}


app.mount("/", StaticFiles(directory=str(files("shop") / "static"), html=True))


def run() -> None:
    """Serve until the container is stopped."""
    uvicorn.run(app, host="0.0.0.0", port=8000)
