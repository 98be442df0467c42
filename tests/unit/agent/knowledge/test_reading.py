"""Files as documents: what is read of each kind, where it is cut, what is refused and why."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from usher_agent.knowledge.chunking import CHUNK, OVERLAP, cut, sentences
from usher_agent.knowledge.model import About, Part
from usher_agent.knowledge.reading import Unreadable, read_document
from usher_agent.knowledge.reading.files import version_of


def make_pdf(*pages: str, title: str = "") -> bytes:
    """A PDF of these pages, one line of text each."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for text in pages:
        stream = f"BT /F1 12 Tf 20 700 Td ({text}) Tj ET" if text else ""
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R /Contents {len(objects)} 0 R /Resources {font} >>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} /MediaBox [0 0 600 800] >>"
    objects.append(f"<< /Title ({title}) >>")
    out = "%PDF-1.4\n"
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer << /Size {size} /Root 1 0 R /Info {len(objects)} 0 R >>"
    return f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}\nstartxref\n{len(out)}\n%%EOF".encode("latin-1")


@pytest.fixture
def read(library: Any) -> Any:
    def read(source: str, content: str | bytes) -> Any:
        library.write(source, content)
        path = library.folder / source
        version, raw = version_of(path, source, UTC)
        return read_document(path, source, version, raw, UTC)

    return read


def test_markdown_keeps_headings_and_unwraps_lines(read: Any) -> None:
    text = "# Visit\n\nOpen\ndaily.\n\n## **Parking** [map](x)\n\nGarage C.\n\n- Lot A\n- Lot B\n"
    text += "\n```\n# no heading\n```\n"
    found = [(chunk.section, chunk.text) for chunk in read("visit.md", text).chunks]
    assert found == [("Visit", "Open daily."), ("Visit > Parking map", "Garage C. Lot A; Lot B; # no heading")]


def test_a_table_is_told_row_by_row(read: Any) -> None:
    (chunk,) = read("fees.md", "| lot | price |\n|---|---|\n| A | $40 |\n| B | $30 |\n").chunks
    assert chunk.text == "lot: A; price: $40. lot: B; price: $30."


def test_front_matter_says_what_holds(read: Any) -> None:
    head = "---\ntitle: Fees\ncategory: policies\nvenue: hall\nevent: gala\nlanguage: de\n"
    head += "valid_from: 2026-01-01\nexpires: 2026-06-30\n---\n"
    (chunk,) = read("fees.md", head + "Lockers cost ten dollars.").chunks
    about = chunk.about
    assert (about.title, about.category, about.venue_id, about.event_id) == ("Fees", "policies", "hall", "gala")
    assert about.language == "de"
    assert about.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert about.valid_until == datetime(2026, 7, 1, tzinfo=UTC)  # the last day counts
    assert about.holds_at(datetime(2026, 6, 30, 23, 59, tzinfo=UTC))
    assert not about.holds_at(datetime(2026, 7, 1, tzinfo=UTC))


def test_where_it_lies_says_the_rest(read: Any) -> None:
    about = read("venues/hall/food-and-drink.md", "Pizza is sold.").chunks[0].about
    assert (about.venue_id, about.category, about.title) == ("hall", "concessions", "Food and drink")
    assert read("events/gala/notes.txt", "Masks are worn.").chunks[0].about.event_id == "gala"


def test_json_records_facts_and_lists(read: Any) -> None:
    facts = {
        "title": "The hall",
        "category": "venue",
        "doors": {"opens_at": "18:00", "gates": ["A", "B"], "step_free": True},
        "faq": [{"question": "May I film?", "answer": "No.", "expires": "2026-12-24"}],
    }
    chunks = read("hall.json", json.dumps(facts)).chunks
    told = {chunk.section: chunk.text for chunk in chunks}
    assert told == {"doors": "opens at: 18:00. gates: A, B. step free: yes.", "faq > May I film?": "No."}
    assert [chunk.about.valid_until is not None for chunk in chunks] == [False, True]
    assert {chunk.about.title for chunk in chunks} == {"The hall"}


def test_csv_rows_are_records_of_their_own(read: Any) -> None:
    rows = "name;price;venue;expires\nHot dog;$9;hall;2026-12-31\nPretzel;$6;;\n"
    chunks = read("menu.csv", rows).chunks
    assert [(c.section, c.text, c.about.venue_id) for c in chunks] == [
        ("Hot dog", "Hot dog. price: $9.", "hall"),
        ("Pretzel", "Pretzel. price: $6.", None),
    ]
    assert chunks[0].about.valid_until == datetime(2027, 1, 1, tzinfo=UTC)
    assert chunks[0].about.category == "concessions"


def test_text_is_cut_at_paragraphs(read: Any) -> None:
    document = read("lost.txt", "Lost property\n\nIt is kept\nfor a month.\n\nAsk at gate 2.\n")
    assert document.title == "Lost property"
    assert [chunk.text for chunk in document.chunks] == ["It is kept for a month.", "Ask at gate 2."]


def test_pdf_pages_are_numbered(read: Any) -> None:
    chunks = read("guide.pdf", make_pdf("Garage C costs ten dollars.", "", "Bags stay outside.", title="Guide")).chunks
    assert [(chunk.page, chunk.text) for chunk in chunks] == [
        (1, "Garage C costs ten dollars."),
        (3, "Bags stay outside."),
    ]
    assert chunks[0].about.title == "Guide"


def test_a_file_beside_says_what_a_pdf_cannot(read: Any, library: Any) -> None:
    library.write("guide.pdf.meta.json", '{"title": "House guide", "category": "policies", "expires": "2026-12-31"}')
    about = read("guide.pdf", make_pdf("Bags stay outside.", title="Guide")).chunks[0].about
    assert (about.title, about.category, about.valid_until is not None) == ("House guide", "policies", True)


@pytest.mark.parametrize(
    ("source", "content", "reason"),
    [
        ("a.md", "---\nexpires: soon\n---\nText.", "no date"),
        ("a.md", "---\ncategory: weather\n---\nText.", "not one of"),
        ("a.md", "---\nvalid until: 2026-01-01\n---\nText.", "not known"),
        ("a.md", "---\nvalid_from: 2026-02-01\nvalid_until: 2026-01-01\n---\nText.", "before valid_from"),
        ("a.md", "# Only a heading\n", "no text"),
        ("a.txt", b"\xff\xfe\x00broken", "not UTF-8"),
        ("a.json", "{", "no valid JSON"),
        ("a.json", "[" * 50 + "]" * 50, "nested"),
        ("a.json", '{"category": 3, "text": "x"}', "has to be text"),
        ("a.csv", "a,b\n1\n", "not as many cells"),
        ("a.csv", 'a,b\n"1,2\n', "no valid CSV"),
        ("a.pdf", b"%PDF-1.4 nothing more", "broken"),
        ("a.pdf", b"", "broken"),
        ("a.pdf", make_pdf(""), "no text"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(read: Any, source: str, content: Any, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(source, content)
    assert reason in refused.value.reason


def test_an_encrypted_pdf_is_refused(read: Any) -> None:
    from io import BytesIO

    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(BytesIO(make_pdf("The secret."))))
    writer.encrypt("password", algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    with pytest.raises(Unreadable) as refused:
        read("secret.pdf", out.getvalue())
    assert "encrypted" in refused.value.reason


def test_sentences_end_where_sentences_end() -> None:
    text = 'Doors open at 6 p.m. Mr. Smith waits at St. James. "Come in!" he says. It costs $4.50 at No. 7.'
    assert sentences(text) == [
        "Doors open at 6 p.m. Mr. Smith waits at St. James.",
        '"Come in!" he says.',
        "It costs $4.50 at No. 7.",
    ]


def test_long_parts_are_cut_between_sentences_with_overlap() -> None:
    told = [f"Sentence number {n} says something about gate {n}." for n in range(60)]
    chunks = cut("a.md", [Part(About("A", "venue"), ("Gates",), " ".join(told))])
    assert all(len(chunk.text) <= CHUNK for chunk in chunks)
    for before, after in itertools.pairwise(chunks):
        repeated = sentences(after.text)[0]
        assert repeated == sentences(before.text)[-1]
        assert len(repeated) <= OVERLAP
    assert [s for s in told if not any(s in chunk.text for chunk in chunks)] == []
    assert len({chunk.id for chunk in chunks}) == len(chunks)


def test_text_without_ends_is_cut_all_the_same() -> None:
    chunks = cut("a.md", [Part(About("A", "venue"), (), "word " * 1000 + "x" * 3000)])
    assert max(len(chunk.text) for chunk in chunks) <= CHUNK
    assert sum(chunk.text.count("x") for chunk in chunks) == 3000


def test_ids_follow_the_words_alone() -> None:
    def ids(*texts: str, until: datetime | None = None) -> list[str]:
        about = About("A", "venue", valid_until=until)
        return [chunk.id for chunk in cut("a.md", [Part(about, (), text) for text in texts])]

    before = ids("One.", "Two.")
    assert ids("Zero.", "One.", "Two.")[1:] == before
    assert ids("One.", "Two.", until=datetime(2027, 1, 1, tzinfo=UTC) + timedelta()) == before
    assert len(set(ids("Same.", "Same."))) == 2
