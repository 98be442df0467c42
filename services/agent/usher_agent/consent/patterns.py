"""Small pieces of regular expressions that the wordings of agreement are put together from."""


def any_of(*alternatives: str) -> str:
    """Return a pattern for one of the alternatives; the first that fits counts."""
    return "(?:" + "|".join(alternatives) + ")"


def words_of(listed: str) -> str:
    """Return a pattern for one of the words of a list written with spaces."""
    return any_of(*listed.split())


# Verbs that could go on to ask something ("confirm where it is") agree only where the sentence ends or is joined.
ENDS = "(?=$| [.,!;-]| (?:please|thanks|thank|and|so)(?: |$))"
