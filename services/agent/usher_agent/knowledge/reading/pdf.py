"""PDF, by pypdf: the text of its pages. Scanned pages have none."""

from __future__ import annotations

import io
import logging
import re
from dataclasses import replace

from usher_agent.knowledge.model import About, Part

MOST_PAGES = 500
_SPACES = re.compile(r"[ \t\u00a0]+")
_HYPHENATED = re.compile(r"(\w)-\n(\w)")
_WRAPPED = re.compile(r"(?<![.!?:])\n(?=\S)(?![-•*\d])")


class BadPdf(ValueError):
    """No text can be had from it; says why."""


def read_pdf(content: bytes, about: About, *, titled: bool) -> list[Part]:
    """A part for each page with text. With `titled`, the file's own title does not count. Raises BadPdf."""
    try:
        from pypdf import PdfReader
    except ImportError as error:
        raise BadPdf("PDF needs the extra usher-agent[knowledge]") from error

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells of each fault of a file; ours is said once
    try:
        reader = PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise BadPdf("it is encrypted")
        if len(reader.pages) > MOST_PAGES:
            raise BadPdf(f"it has more than {MOST_PAGES} pages")
        own = reader.metadata.title if reader.metadata and not titled else None
        if own and own.strip():
            about = replace(about, title=" ".join(own.split())[:200])
        pages = [_clean(page.extract_text() or "") for page in reader.pages]
    except BadPdf:
        raise
    except Exception as error:  # pypdf meets a broken file with whatever its parts raise
        raise BadPdf(f"it is broken ({type(error).__name__})") from error
    parts = [Part(about, (), text, number) for number, text in enumerate(pages, 1) if text]
    if not parts:
        raise BadPdf("it has no text; scanned pages need text recognition first")
    return parts


def _clean(text: str) -> str:
    text = _HYPHENATED.sub(r"\1\2", _SPACES.sub(" ", text.replace("\r\n", "\n")))
    return "\n".join(line.strip() for line in _WRAPPED.sub(" ", text).split("\n") if line.strip())
