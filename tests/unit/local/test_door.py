"""`usher door`: admits once, refuses with the reason, and needs no network."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from usher_local.commands.door import AdmissionRecord, door_app
from usher_tools.tickets.tokens import TicketClaims, TicketSigner

KEY = base64.b64encode(bytes([7]) * 32).decode()
NOW = datetime.now(UTC)


@dataclass
class Gate:
    """The files of one door and what is scanned there."""

    folder: Path
    signer: TicketSigner

    def ticket(
        self,
        id: str,
        *,
        entry: str | None = None,
        event: str = "tonight",
        seat: str = "A-1-1",
        issued: datetime | None = None,
    ) -> str:
        issued = issued or NOW - timedelta(hours=5)
        return self.signer.sign_ticket(TicketClaims(id, entry or id, event, seat, 1, issued, NOW + timedelta(days=1)))

    def scan(self, payload: str, *more: str, lines: str | None = None) -> tuple[int, str]:
        files = ["--keys", str(self.folder / "keys.json"), "--list", str(self.folder / "list.json")]
        result = CliRunner().invoke(door_app, ["verify", payload, *files, *more], input=lines)
        return result.exit_code, result.output


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    signer = TicketSigner.parse(KEY)
    made = NOW - timedelta(hours=1)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": signer.public_keys()}))
    door_list = signer.sign_list("tonight", made, ["TKT_1", "TKT_2", "TKT_3"])
    (tmp_path / "list.json").write_text(json.dumps({"event_id": "tonight", "list": door_list}))
    return Gate(tmp_path, signer)


def test_a_ticket_is_admitted_once(gate: Gate) -> None:
    assert gate.scan(gate.ticket("TKT_1")) == (0, "ADMIT  seat A-1-1\n")
    code, words = gate.scan(gate.ticket("TKT_1"))
    assert code == 1
    assert words.startswith("REFUSE  admitted already at ")
    # signed again, as after looking at it again on the phone: still the same ticket
    assert gate.scan(gate.ticket("TKT_1", issued=NOW))[0] == 1
    assert gate.scan(gate.ticket("TKT_2"))[0] == 0


@pytest.mark.parametrize(
    ("id", "event", "hours_ago", "reason"),
    [
        ("TKT_9", "tonight", 5, "replaced"),
        ("TKT_9", "tonight", 0, "newer_than_list"),
        ("TKT_1", "tomorrow", 5, "other_event"),
    ],
)
def test_a_refusal_says_why_and_admits_nobody(gate: Gate, id: str, event: str, hours_ago: int, reason: str) -> None:
    payload = gate.ticket(id, event=event, issued=NOW - timedelta(hours=hours_ago))
    code, output = gate.scan(payload, "--json")
    assert (code, json.loads(output)["reason"], json.loads(output)["admit"]) == (1, reason, False)
    assert not (gate.folder / "list-admitted.jsonl").exists()


def test_a_scanner_that_types(gate: Gate) -> None:
    lines = "\n".join([gate.ticket("TKT_1"), "", gate.ticket("TKT_1"), "rubbish", gate.ticket("TKT_2")])
    code, output = gate.scan("-", lines=lines)
    assert [line.split()[0] for line in output.splitlines()] == ["ADMIT", "REFUSE", "REFUSE", "ADMIT"]
    assert code == 0


def test_who_is_in_brings_nobody_in_with_the_ticket_of_an_upgrade(gate: Gate) -> None:
    assert gate.scan(gate.ticket("TKT_1"))[0] == 0
    code, words = gate.scan(gate.ticket("TKT_2", entry="TKT_1", seat="A-1-9"))
    assert (code, words.startswith("REFUSE  admitted already at ")) == (1, True)
    assert gate.scan(gate.ticket("TKT_3", entry="TKT_0"))[0] == 0


def test_a_record_that_cannot_be_written_is_no_refusal(gate: Gate) -> None:
    code, words = gate.scan(gate.ticket("TKT_1"), "--record", str(gate.folder / "no" / "such" / "record"))
    assert (code, "ADMIT" in words, "record" in words) == (2, False, True)


def test_files_that_are_not_ours(gate: Gate) -> None:
    foreign = TicketSigner.parse(base64.b64encode(bytes([8]) * 32).decode())
    (gate.folder / "list.json").write_text(json.dumps({"list": foreign.sign_list("tonight", NOW, ["TKT_1"])}))
    assert gate.scan(gate.ticket("TKT_1"))[0] == 2
    (gate.folder / "list.json").write_text("{}")
    assert gate.scan(gate.ticket("TKT_1"))[0] == 2
    (gate.folder / "list.json").unlink()
    assert gate.scan(gate.ticket("TKT_1"))[0] == 2


def test_several_programs_at_one_record_admit_once(tmp_path: Path) -> None:
    file = tmp_path / "admitted.jsonl"
    program = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from usher_local.commands.door import AdmissionRecord\n"
        "record = AdmissionRecord(Path(sys.argv[1]))\n"
        "print(sum(record.admit(f'TKT_{n}', 'A', datetime.now(UTC)) is None for n in range(40)))\n"
    )

    def run(_: int) -> int:
        done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, check=True, text=True)
        return int(done.stdout)

    with ThreadPoolExecutor(4) as pool:
        admitted = list(pool.map(run, range(4)))
    assert sum(admitted) == 40
    assert len(file.read_text().splitlines()) == 40


def test_a_line_that_a_crash_cut_short_loses_no_other(tmp_path: Path) -> None:
    file = tmp_path / "admitted.jsonl"
    record = AdmissionRecord(file)
    assert record.admit("TKT_1", "A", NOW) is None
    with file.open("a") as out:
        out.write('{"ticket": "TKT_2", "se')
    assert record.admit("TKT_1", "A", NOW) == NOW
    assert record.admit("TKT_3", "A", NOW) is None
    fresh = AdmissionRecord(file)
    assert fresh.admit("TKT_3", "A", NOW) == NOW
    assert fresh.admit("TKT_2", "A", NOW) is None


def test_the_door_opens_no_connection(gate: Gate) -> None:
    """A control shows that the guard bites."""
    guard = (
        "import sys\n"
        "def hook(event, _):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.bind'): raise SystemExit(9)\n"
        "sys.addaudithook(hook)\n"
    )
    door = "from usher_local.cli import app\napp()"
    arguments = ["door", "verify", gate.ticket("TKT_3"), "--keys", "keys.json", "--list", "list.json"]
    command = [sys.executable, "-c", guard + door, *arguments]
    done = subprocess.run(command, cwd=gate.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ADMIT  seat A-1-1\n"), done.stderr
    control = guard + "import socket\nsocket.create_connection(('127.0.0.1', 9), 1)"
    assert subprocess.run([sys.executable, "-c", control], capture_output=True, check=False).returncode == 9
