"""Words in disguise: the text as an eye reads it, to be searched."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
# Cyrillic and Greek letters that look like Latin ones (Unicode's confusables.txt, those of common fonts)
_TWINS = str.maketrans(
    "авекмнорстухіјѕԁһАВЕКМНОРСТУХІЈЅαειοκνρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "abekmhopctyxijsdhABEKMHOPCTYXIJSaeiokvptuxABEZHIKMNOPTYX",
)


def undisguised(text: str) -> str:
    """Full-width and styled letters as plain ones, look-alikes as what they look like, unseen characters left out."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).translate(_TWINS)
