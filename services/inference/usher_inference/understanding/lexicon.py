"""Word lists written as running text."""


def word_list(text: str) -> tuple[str, ...]:
    """The words of a list set down as running text, in order."""
    return tuple(text.split())


def name_list(text: str) -> tuple[str, ...]:
    """The names of a list set down with commas between them, in order."""
    return tuple(name.strip() for name in text.split(","))
