"""A door before a Cloud Storage server that ignores generations: it keeps the rule, notes requests, makes faults.

The rule is as documented: `ifGenerationMatch` is compared with the live object's generation, 0 meaning none
(https://cloud.google.com/storage/docs/request-preconditions), and a write that fails it is answered 412 with reason
`conditionNotMet` (https://cloud.google.com/storage/docs/json_api/v1/status-codes). A read of a `generation` that is
not the live one is 404, as in a bucket without versions. Everything else is the server's.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from served import HOST

NOT_MET = "At least one of the pre-conditions you specified did not hold."
WRITES = ("POST", "PUT", "DELETE")


@dataclass(frozen=True)
class Seen:
    """A request for an object; `expected` is its ifGenerationMatch."""

    method: str
    path: str
    upload: str | None
    expected: str | None
    generation: str | None

    @property
    def writes(self) -> bool:
        """The request that decides: of a resumable upload, the one that opens it."""
        return self.method == "DELETE" or (self.method == "POST" and self.upload is not None)


@dataclass
class Door:
    """`before(seen)` may answer in the server's place: a status, or None to go on.

    `after(seen)` may lose the answer to what the server has done: True breaks the connection.
    """

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    before: Callable[[Seen], int | None] = lambda seen: None
    after: Callable[[Seen], bool] = lambda seen: False

    @property
    def writes(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.writes]


@contextmanager
def door_before(server: str) -> Iterator[Door]:
    door, lock, address = Door(), threading.Lock(), urlsplit(server)

    def ask(
        method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(address.hostname or HOST, address.port, timeout=30)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def generation(bucket: str, name: str) -> str:
        status, _, body = ask("GET", f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}", None, {})
        return str(json.loads(body)["generation"]) if status == 200 else "0"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            seen = Seen(
                self.command,
                parts.path,
                query.get("uploadType"),
                query.get("ifGenerationMatch"),
                query.get("generation"),
            )
            about_objects = (
                "/o" in parts.path.partition("/b/")[2]
            )  # the library looks at the bucket in a thread of its own
            if about_objects:
                door.seen.append(seen)
            status = door.before(seen) if about_objects else None
            if status is not None:
                self._refuse(status, "backendError", "try again")
                return
            with lock:  # as if alone: the comparison and the write are one step
                bucket = parts.path.partition("/b/")[2].partition("/")[0]
                name = query.get("name") or _named(body) or unquote(parts.path.rpartition("/o/")[2])
                if seen.writes and seen.expected is not None and generation(bucket, name) != seen.expected:
                    self._refuse(412, "conditionNotMet", NOT_MET)
                    return
                if seen.generation is not None and generation(bucket, name) != seen.generation:
                    self._refuse(404, "notFound", "No such object")
                    return
                kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                code, headers, answer = ask(self.command, self.path, body, kept)
            if door.after(seen):
                self.close_connection = True
                return
            self.send_response(code)
            for key, value in headers:
                if key.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                    self.send_header(key, value.replace(server, door.url))
            if parts.path.startswith("/storage/"):  # a mediaLink leads through the door as well
                answer = answer.replace(server.encode(), door.url.encode())
            self._send(answer)

        def _refuse(self, status: int, reason: str, message: str) -> None:
            detail = {"domain": "global", "reason": reason, "message": message}
            answer = {"error": {"code": status, "message": message, "errors": [detail]}}
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self._send(json.dumps(answer).encode())

        def _send(self, body: bytes) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  http.server's names

    with ThreadingHTTPServer((HOST, 0), Handler) as listening:
        listening.daemon_threads = True
        door.url = f"http://{HOST}:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield door
        finally:
            listening.shutdown()
            thread.join()


def _named(body: bytes) -> str | None:
    """The name in the JSON that a multipart or resumable upload begins with."""
    start = body.find(b"{")
    if start < 0:
        return None
    try:
        name = json.JSONDecoder().raw_decode(body[start : start + 4096].decode("utf-8", "replace"))[0].get("name")
    except ValueError:
        return None
    return str(name) if name else None
