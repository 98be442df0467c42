"""Which form of an answer a request asks for."""

from __future__ import annotations


def prefers(accept: str, media_type: str) -> bool:
    """Whether the Accept header (RFC 9110, 12.5.1) names this type above JSON. A wildcard names nothing."""
    found = {media_type: 0.0, "application/json": 0.0}
    for entry in accept.lower().split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        if name not in found:
            continue
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        found[name] = max(found[name], quality)
    return found[media_type] > found["application/json"]
