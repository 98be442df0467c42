"""Slips of the keyboard in the words that agreement is made of: "pefect", "absolutley", "thnaks"."""

from collections.abc import Iterator

# Long enough that a slip in one of them rarely makes another word; where it does, that word is listed below.
_WORDS = (
    "please thanks absolutely definitely certainly exactly perfect perfectly correct confirm confirmed proceed "
    "purchase "
    "tickets sounds everything details great awesome wonderful fantastic excellent amazing brilliant lovely course "
    "agreed alright affirmative ahead right address accurate complete booking looking forward excited favorite "
    "birthday "
    "daughter husband favourite anniversary beautiful"
)
_OTHER_WORDS = (
    "conform conforms conformed pleas thank thinks greet curse than thunk think sound sands sends ticket "
    "tackets agree aged corse coarse cores "
    "agrees tickers booming looming excites wounds "
    "greta gret groat grate lively lovey levely booing exited ahed height compete completed looing detail"
)
_VOWELS = "aeiou"
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LONG = 6  # letters; in a shorter word, the key beside too often makes another word


def _slips(word: str) -> Iterator[str]:
    for place in range(1, len(word)):
        yield word[:place] + word[place + 1 :]  # a letter left out, never the first
        yield word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]  # two letters swapped
        yield word[:place] + word[place] + word[place:]  # a letter doubled
        if word[place] in _VOWELS:
            yield from (word[:place] + vowel + word[place + 1 :] for vowel in _VOWELS)
        if len(word) >= _LONG:
            yield from (word[:place] + key + word[place + 1 :] for key in _keys_beside(word[place]))


def _keys_beside(letter: str) -> str:
    """Return the letters left and right of one on its row of the keyboard."""
    row = next(row for row in _KEYS if letter in row)
    place = row.index(letter)
    return row[max(place - 1, 0) : place] + row[place + 1 : place + 2]


def spell_slips() -> dict[str, str]:
    """Return each likely slip and the word it stands for, where it can stand for one word alone."""
    words, other_words = frozenset(_WORDS.split()), frozenset(_OTHER_WORDS.split())
    found: dict[str, set[str]] = {}
    for word in words:
        for slip in _slips(word):
            found.setdefault(slip, set()).add(word)
    return {
        slip: meant.pop()
        for slip, meant in found.items()
        if len(meant) == 1 and slip not in other_words and slip not in words and len(slip) > 3
    }
