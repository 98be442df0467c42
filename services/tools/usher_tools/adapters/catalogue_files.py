"""Reading a catalogue file: JSON, or YAML by its extension; errors name file, line and path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from usher_shared.errors import Unprocessable
from usher_tools.catalogue import positions
from usher_tools.catalogue.model import Catalogue
from usher_tools.catalogue.positions import Located, UnreadableText, read_json, read_yaml
from usher_tools.catalogue.reading import check_catalogue, path_text

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CatalogueProblem:
    """One thing wrong with a file; `line` counts from 1, `path` looks like `$.events[3].prices.A`."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.message}"


class CatalogueInvalid(Unprocessable):
    """The file is no catalogue; `problems` says where and why."""

    code = "catalogue_invalid"

    def __init__(self, problems: Sequence[CatalogueProblem]) -> None:
        shown = [str(problem) for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            shown.append(f"… and {len(problems) - _SHOWN} more")
        super().__init__("\n".join(shown))
        self.problems = list(problems)


class CatalogueFile:
    """A catalogue file that was read: its document and where things stand in it."""

    def __init__(self, path: Path) -> None:
        """Raises CatalogueInvalid (not JSON or YAML), OSError."""
        self._name = path.name
        try:
            text = path.read_text("utf-8-sig")
            self._located: Located = (read_yaml if path.suffix in (".yaml", ".yml") else read_json)(text)
        except UnicodeDecodeError as error:
            raise CatalogueInvalid([CatalogueProblem(path.name, 1, "$", "not UTF-8 text")]) from error
        except UnreadableText as error:
            problem = CatalogueProblem(path.name, error.line, path_text(error.path), error.message)
            raise CatalogueInvalid([problem]) from error

    @property
    def document(self) -> Any:
        return self._located.data

    def parse(self) -> Catalogue:
        """Raises CatalogueInvalid, naming everything that can be seen in the file by itself."""
        try:
            catalogue = Catalogue.model_validate(self.document)
        except ValidationError as error:
            raise CatalogueInvalid(list(self._explain(error))) from error
        problems = [self.problem(path, message) for path, message in check_catalogue(catalogue)]
        if problems:
            raise CatalogueInvalid(problems)
        return catalogue

    def problem(self, path: positions.Path, message: str) -> CatalogueProblem:
        return CatalogueProblem(self._name, self._located.line(path), path_text(path), message)

    def locate(self, errors: Iterable[Mapping[str, str]]) -> list[CatalogueProblem]:
        """Problems from the `errors` ({path, message}) of a refusal by `POST /catalogue`."""
        return [self.problem(_parse_path(error["path"]), error["message"]) for error in errors]

    def _explain(self, error: ValidationError) -> Iterable[CatalogueProblem]:
        found: dict[positions.Path, list[str]] = {}
        for entry in error.errors(include_url=False, include_context=False):
            path = self._path(entry["loc"], missing=entry["type"] == "missing")
            message = "unknown field" if entry["type"] == "extra_forbidden" else entry["msg"]
            message = message.removeprefix("Value error, ")
            if message not in found.setdefault(path, []):
                found[path].append(message)
        return [self.problem(path, "; or: ".join(messages)) for path, messages in found.items()]

    def _path(self, loc: Sequence[str | int], *, missing: bool) -> positions.Path:
        """The error's place in the document: without the names that pydantic gives to a union's members."""
        value, path = self.document, []
        for place, part in enumerate(loc):
            known = (isinstance(value, dict) and part in value) or (
                isinstance(value, list) and isinstance(part, int) and part < len(value)
            )
            if known:
                value = value[part]
            elif not (missing and place == len(loc) - 1):
                continue
            path.append(part)
        return tuple(path)


def _parse_path(text: str) -> positions.Path:
    parts = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", text)
    return tuple(name or int(index) for name, index in parts)


def read_catalogue(path: Path) -> Catalogue:
    """The catalogue in that file. Raises CatalogueInvalid, OSError."""
    return CatalogueFile(path).parse()
