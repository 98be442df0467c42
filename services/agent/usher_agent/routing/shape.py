"""What a message is made of: words of the house, of selling, of what is owned; whether it asks. Lower-case text."""

from __future__ import annotations

import re
from typing import Final

# a question, by its form
ASKS: Final = re.compile(
    r"\?|^\W*(?:(?:hi|hello|hey|ok|and|also|so|one question|quick one|quick question|thanks|dear team|"
    r"good (?:morning|evening|afternoon))(?: there)?[\s,.!:]+)*"
    r"(?:what|when|where|who|how|why|which|whats|wheres|whens|is|are|can|could|do|does|did|may|should|must|will|would|"
    r"until|from (?:when|what)|any(?:where|body)?)\b"
)

_THINGS = r"(?:tickets?|tix|seats?|seat numbers?|orders?|bookings?|reservations?|purchases?|money|payment)"
# the customer's own: bought, booked or paid before
BOUGHT: Final = re.compile(
    rf"\b(?:my|our) (?:[\w'-]+ ){{0,4}}?{_THINGS}\b|\b(?:did|have|had|was|were|am) (?:i|we) (?:just |already |ever )?"
    r"(?:buy|bought|book|booked|pay|paid|order|ordered|charged|billed|purchase|purchased)\b|"
    r"\b(?:i|we)(?:'ve| have| had)? (?:just |already |only )*(?:bought|booked|purchased|ordered|paid|own|deleted|"
    r"typed)\b|"
    r"\b(?:orders?|tickets?|seats?|bookings?|row)\b (?:[\w'-]+ )?(?:do|did|are|have) (?:i|we)\b|"
    r"\b(?:i|we)(?:'ve| have|) (?:already )?(?:have |hold |got )(?:\w+ )?(?:tickets?|seats?)\b(?! (?:left|free))|"
    r"\b(?:i've|we've|i have|we have|i) (?:got|bought|booked)\W*$|\bthe tickets i\b|\bwhere (?:we're|i'm) sitting\b|"
    r"\bord_\w+|\b(?:is it|was it) (?:booked|confirmed)\b|\b(?:i|me|we) in the end\b"
)

GREETS: Final = re.compile(r"\bhow (?:are you|do you do|is it going)\b|\bhow's it going\b|\banybody (?:there|here)\b")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN_BACK: Final = _set("refund refunded cancel exchange return money back credit")
NICER: Final = _set(
    """better nicer closer nearer premium vip upgrade upgraded upgrading parterre stalls forward difference lower
    courtside front surcharge extra"""
)

# things of the house, and of going there
HOUSE: Final = _set(
    """parking park car cars garage bicycle bicycles bike bikes motorbike motorbikes bus buses train trains tram metro
    subway station taxi directions address entrance entrances gate gates hotel hotels bag bags backpack backpacks
    luggage camera cameras photo photos photography umbrella umbrellas stroller strollers pram prams locker lockers
    cloakroom coat coats wifi dog dogs cat pet pets animal animals smoking smoke alcohol beer wine drink drinks food
    eat dinner lunch sandwich snack snacks vegetarian vegan restaurant restaurants bar bars lounge toilet toilets
    restroom restrooms walker stairs lift elevator ramp heated heating padded interval intermission latecomers toddler
    toddlers babies pensioner pensioners student students discount discounts coupon promo paypal crypto gift weather
    rain rains deadline policy policies rules refundable exchangeable transferable resell abroad print dress suit
    doors atm earplugs loud capacity interior id"""
)

# what a purchase is made of: a question with such a word may be part of one
SELLING: Final = _set(
    """ticket tickets tix seat seats show shows event events concert concerts game games match gig gigs play plays
    playing musical musicals opera ballet festival price prices cost costs cheap cheaper cheapest available left free
    row rows section sections balcony stage front sold sale budget tonight tomorrow weekend monday tuesday wednesday
    thursday friday saturday sunday january february march april june july august september october november december
    program lineup book buy help people kids nice fun much something anything total fees included"""
)
