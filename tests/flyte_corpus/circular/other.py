LIST = ["attrs", "idna"]


def packages() -> list[str]:
    import main  # noqa: F401  only when it is called

    return LIST
