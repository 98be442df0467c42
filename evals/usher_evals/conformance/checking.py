"""What a check is, and how it says what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from usher_evals.conformance.server import Reply, Server, Unreachable
from usher_shared.contracts.tools import TOOLS


class Failed(Exception):
    """The contract is broken: what it wants, and what came."""

    def __init__(self, expected: str, came: object) -> None:
        super().__init__(f"expected {expected}; came {came}")
        self.expected = expected
        self.came = str(came)


class Skipped(Exception):
    """The check cannot be made here, for the reason given."""


@dataclass(frozen=True, slots=True)
class Check:
    """`section` is the heading of docs/guides/box-office-partner.md that says so."""

    name: str
    section: str
    says: str
    run: Callable[[Server], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to; `expected` and `came` of a failure, `reason` of a skip."""

    name: str
    section: str
    says: str
    outcome: Literal["pass", "fail", "skip"]
    expected: str | None = None
    came: str | None = None
    reason: str | None = None


def make(check: Check, server: Server) -> Finding:
    try:
        check.run(server)
    except Failed as error:
        return Finding(check.name, check.section, check.says, "fail", expected=error.expected, came=error.came)
    except Skipped as error:
        return Finding(check.name, check.section, check.says, "skip", reason=str(error))
    except Unreachable as error:
        return Finding(check.name, check.section, check.says, "fail", expected="an answer", came=str(error))
    return Finding(check.name, check.section, check.says, "pass")


def expect(condition: bool, expected: str, came: object) -> None:
    if not condition:
        raise Failed(expected, came)


def answered(reply: Reply, tool: str) -> dict[str, Any]:
    """The answer of a call that has to succeed, valid by the tool's schema."""
    expect(reply.status == 200, f"200 from {tool}", reply)
    try:
        TOOLS[tool].answer.model_validate(reply.body)
    except ValidationError as error:
        wrong = ", ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:5])
        raise Failed(f"the answer of {tool} by its schema", wrong) from error
    body: dict[str, Any] = reply.body
    return body


def refused(reply: Reply, statuses: Collection[int], what: str, codes: Collection[str] = ()) -> None:
    """A refusal with one of the statuses, as a problem document; with one of the codes where there are any."""
    names = " or ".join(map(str, sorted(statuses)))
    expect(reply.status in statuses, f"{what}: {names}", reply)
    media = reply.headers.get("content-type", "")
    expect(media.startswith("application/problem+json"), f"{what}: Content-Type application/problem+json", media)
    expect(isinstance(reply.code, str) and bool(reply.code), f"{what}: a problem document with a code", reply)
    if codes:
        expect(reply.code in codes, f"{what}: code {' or '.join(sorted(codes))}", reply)
