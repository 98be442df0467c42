"""Whether a message is in another language than English, by its letters and its commonest words."""

import re
import unicodedata

from usher_inference.understanding.catalogue import COMMON
from usher_inference.understanding.lexicon import word_list

# Everyday words of other languages that are neither English nor likely in the name of an event. No articles.
_FOREIGN = frozenset(
    word_list(
        "hola quiero quisiera necesito puedo puede entradas entrada boletos boleto para esta noche favor gracias "
        "dos tres cuatro cuánto cuanto cuesta cuestan dónde donde comprar mañana hoy buenos buenas tardes sí también "
        "ich möchte moechte zwei drei vier karten karte für fuer heute abend bitte danke und nicht wieviel kostet "
        "kosten haben wir eine einen morgen guten kann können mit brauche hallo gibt noch "
        "bonjour bonsoir salut je voudrais veux deux trois quatre billets billet pour soir ce vous plaît plait merci "
        "combien demain avec nous places s'il est-ce oui "
        "ciao vorrei voglio due biglietti biglietto per stasera grazie quanto costa costano buongiorno buonasera "
        "domani prego "
        "olá quero gostaria dois duas ingressos bilhetes noite obrigado obrigada preciso amanhã esta hoje "
        "ik wil graag twee kaartjes kaarten voor vanavond alstublieft dank een het hoeveel kost morgenavond "
        "merhaba iki bilet istiyorum için akşam lütfen dzień dobry chcę dwa bilety dziś proszę wieczór "
        "hej jag vill ha två biljetter ikväll tack till"
    )
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def is_foreign(text: str) -> bool:
    """True where most letters are not Latin, or where foreign words outnumber everyday English ones."""
    letters = [char for char in text if char.isalpha()]
    if len(letters) < 2:
        return False
    latin = sum(1 for char in letters if unicodedata.name(char, "").startswith("LATIN"))
    if latin * 2 < len(letters):
        return True
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    foreign = sum(1 for word in words if word in _FOREIGN)
    english = sum(1 for word in words if word in COMMON and word not in _FOREIGN)
    return foreign > english and (foreign >= 2 or len(words) == 1)
