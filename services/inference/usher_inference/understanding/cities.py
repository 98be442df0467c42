"""Common cities and the short forms people type."""

from usher_inference.understanding.lexicon import name_list

# Full name: the short forms people type.
CITIES: dict[str, tuple[str, ...]] = {
    "New York": ("new york city", "nyc", "n.y.c.", "ny", "n.y.", "new york", "newyork", "manhattan", "big apple"),
    "Los Angeles": ("los angeles", "la", "l.a.", "lax", "los angelos"),
    "San Francisco": ("san francisco", "sf", "s.f.", "sfo", "san fran", "frisco", "sanfrancisco"),
    "Washington": (
        "washington dc",
        "washington d.c.",
        "washington, dc",
        "washington, d.c.",
        "washington",
        "dc",
        "d.c.",
        "district of columbia",
    ),
    "Philadelphia": ("philadelphia", "philly", "philadephia", "phila"),
    "Chicago": ("chicago", "chi-town", "chi town", "chitown"),
    "Las Vegas": ("las vegas", "vegas"),
    "San Diego": ("san diego", "sd", "s.d."),
    "Atlanta": ("atlanta", "atl"),
    "New Orleans": ("new orleans", "nola"),
    "Salt Lake City": ("salt lake city", "slc", "salt lake"),
    "Kansas City": ("kansas city", "kc"),
    "Dallas": ("dallas", "dfw"),
    "Boston": ("boston", "bos"),
    "Toronto": ("toronto", "yyz"),
    "Saint Louis": ("saint louis", "st. louis", "st louis", "stl"),
    "Saint Paul": ("saint paul", "st. paul", "st paul"),
    "Minneapolis": ("minneapolis", "mpls", "twin cities"),
    "Oklahoma City": ("oklahoma city", "okc"),
    "Fort Worth": ("fort worth", "ft. worth", "ft worth"),
    "Fort Lauderdale": ("fort lauderdale", "ft. lauderdale", "ft lauderdale"),
    "San Jose": ("san jose", "san josé"),
    "Montreal": ("montreal", "montréal"),
} | {
    name: (name.lower(),)
    for name in name_list(
        "Brooklyn, Houston, Phoenix, San Antonio, Austin, Jacksonville, Columbus, Charlotte, Indianapolis, "
        "Seattle, Denver, Nashville, El Paso, Detroit, Portland, Memphis, Louisville, Milwaukee, Baltimore, "
        "Albuquerque, Tucson, Fresno, Sacramento, Mesa, Omaha, Raleigh, Miami, Long Beach, Virginia Beach, "
        "Oakland, Tampa, Tulsa, Arlington, Wichita, Cleveland, Bakersfield, Aurora, Anaheim, Honolulu, Santa "
        "Ana, Riverside, Corpus Christi, Lexington, Stockton, Pittsburgh, Cincinnati, Anchorage, Greensboro, "
        "Plano, Newark, Lincoln, Orlando, Irvine, Durham, Chandler, Buffalo, Reno, Scottsdale, Glendale, "
        "Chesapeake, Norfolk, Fremont, Boise, Richmond, Spokane, Tacoma, Rochester, Des Moines, Birmingham, "
        "Hartford, Providence, Berkeley, Santa Monica, Pasadena, Santa Cruz, Santa Barbara, Santa Clara, "
        "Mountain View, Palo Alto, Burlington, Green Bay, Madison, Knoxville, Savannah, Charleston, "
        "Foxborough, Inglewood, East Rutherford, Jersey City, Hoboken, Vancouver, Calgary, Edmonton, Ottawa, "
        "Winnipeg, Quebec City, Hamilton, London, Manchester, Liverpool, Leeds, Glasgow, Edinburgh, Bristol, "
        "Cardiff, Belfast, Dublin, Cork, Galway, Paris, Lyon, Marseille, Berlin, Munich, Hamburg, Cologne, "
        "Frankfurt, Vienna, Zurich, Geneva, Amsterdam, Rotterdam, Brussels, Antwerp, Madrid, Barcelona, "
        "Lisbon, Porto, Rome, Milan, Copenhagen, Stockholm, Oslo, Helsinki, Prague, Warsaw, Budapest, Athens, "
        "Istanbul, Dubai, Tokyo, Osaka, Seoul, Singapore, Hong Kong, Sydney, Melbourne, Brisbane, Perth, "
        "Adelaide, Auckland, Wellington, Mexico City, Guadalajara, Monterrey, Sao Paulo, Buenos Aires, "
        "Mumbai, Delhi"
    )
}

# The last word of each city's every spelling, in lower case.
LAST_WORDS = frozenset(form.split()[-1] for forms in CITIES.values() for form in forms if form.split()[-1].isalpha())
