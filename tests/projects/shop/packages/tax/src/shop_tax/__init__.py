"""What is added to a price."""


def with_tax(price: float) -> float:
    """Return a price with tax."""
    return round(price * 1.2, 2)
