"""A yes in another language, as a reply of its own: "sí, por favor", "oui", "ja bitte".

Only whole replies count: these words mean other things, or nothing, inside an English sentence.
"""

import re

from usher_agent.consent.patterns import any_of, words_of

_YES = any_of(
    "claro que (?:s[ií]|sim)|por supuesto|de acuerdo|est[aá] bien|bien s[uû]r|d'accord|tout [aà] fait|"
    "ja klar|sehr gern|(?:oui|sim|ja|s[ií]) (?:parfait|perfeito|perfekt|perfecto)",
    words_of(
        "si sí oui ouais ja jawohl jep sim claro correcto vale adelante perfecto perfekt parfait perfeito genau "
        "gerne gern natürlich klar exacto exact certo confirmo"
    ),
)
_ORDER = any_of(
    "allez y|vas y|(?:bitte )?(?:buchen|kaufen)(?: sie)?(?: bitte)?(?: die tickets| die karten| sie)?|"
    "(?:achetez|prenez|r[eé]servez) les|(?:los|las) (?:compro|quiero)|je les prends|ich nehme sie",
    words_of(
        "cómpralos compralos cómpralas compralas cómprelos comprelos cómprelas comprelas resérvalos reservalos "
        "resérvelos reservelos confírmalo confirmalo hazlo hágalo"
    ),
)
_COURTESY = any_of(
    "por favor|muchas gracias|merci beaucoup|s'il (?:vous|te) pla[iî]t|danke (?:schön|sehr)|muito obrigad[oa]",
    words_of("gracias merci svp stp bitte danke señor señora obrigado obrigada yes"),
)
_PART = any_of(_YES, _ORDER, _COURTESY)
_REPLY = re.compile(rf"(?:{_COURTESY}(?: ,)? )*{any_of(_YES, _ORDER)}(?:(?: [,.!])* {_PART})*(?: [.!])*")


def is_foreign_yes(text: str) -> bool:
    """Whether the whole normalised text agrees in Spanish, French, German or Portuguese."""
    return _REPLY.fullmatch(text) is not None
