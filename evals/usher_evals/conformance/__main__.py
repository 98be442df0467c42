"""`python -m usher_evals.conformance --url … --key-env NAME`: exit code 0 when nothing fails, 1 otherwise."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from usher_evals.conformance import buying, holding, reading
from usher_evals.conformance.checking import Finding, make
from usher_evals.conformance.server import Server

CHECKS = (*reading.CHECKS, *holding.CHECKS, *buying.CHECKS)


def examine(server: Server, only: Sequence[str] = ()) -> Iterator[Finding]:
    """The findings one by one, of all checks or of those named."""
    for check in CHECKS:
        if not only or check.name in only:
            yield make(check, server)


def _line(finding: Finding) -> str:
    head = f"{finding.outcome:5} {finding.name:16} {finding.says}"
    if finding.outcome == "skip":
        return f"{head}\n      skipped: {finding.reason}"
    if finding.outcome == "fail":
        where = f"docs/guides/box-office-partner.md, {finding.section}"
        return f"{head}\n      expected: {finding.expected}\n      came:     {finding.came}\n      contract: {where}"
    return head


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m usher_evals.conformance", description=__doc__)
    parser.add_argument("--url", required=True, help="base URL of the server, to which /tools/{name} is added")
    parser.add_argument("--key-env", required=True, metavar="NAME", help="the environment variable with the key")
    parser.add_argument("--event", help="the event to hold and buy seats of; default: the first with seats enough")
    parser.add_argument("--patience", type=float, default=60, help="seconds that a check may wait for (60)")
    parser.add_argument("--only", nargs="+", default=[], metavar="CHECK", help="only these checks")
    parser.add_argument("--json", action="store_true", help="findings as one JSON document")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    key = os.environ.get(options.key_env)
    if not key:
        print(f"{options.key_env} is not set: it has to hold the server's key", file=sys.stderr)
        return 2
    unknown = set(options.only) - {check.name for check in CHECKS}
    if unknown:
        print(f"no such check: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    run = f"conformance-{secrets.token_hex(4)}"
    try:
        server = Server(options.url, key, run=run, wait=time.sleep, patience=options.patience, event_id=options.event)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    findings = []
    for finding in examine(server, options.only):
        findings.append(finding)
        if not options.json:
            print(_line(finding), flush=True)
    counts = {name: sum(f.outcome == name for f in findings) for name in ("pass", "fail", "skip")}
    if options.json:
        print(json.dumps({"url": options.url, **counts, "checks": [asdict(f) for f in findings]}, indent=2))
    else:
        print(f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped")
    return 1 if counts["fail"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
