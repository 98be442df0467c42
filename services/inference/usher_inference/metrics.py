"""What is measured of the models, as Prometheus reads it.

Two things are measured: the requests of the API, by model, version and variant, whatever the engine; and the batcher's
inside (queue, steps, cache), by model and version. Nothing of what was asked or answered is in a name or a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_GONE_KEPT = 4  # releases
_PREFIX = "usher_inference_"
_ENGINE = ("model", "version")
_REQUEST = ("model", "version", "variant")
# seconds; the upper ends are the longest that a request may take
_WAITS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_FIRSTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60)
_GAPS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2.5)
_STEPS = (0.0005, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_DURATIONS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
_ROWS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 256)
_TOKENS = (1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)

Outcome = Literal["stop", "length", "tool_calls", "closed", "cancelled", "deadline", "refused", "failed"]


class Metrics:
    """All measurements of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._instruments = _Instruments(self._registry)
        self._requests: dict[tuple[str, str, str], RequestMetrics] = {}
        self._served: set[tuple[str, str]] = set()
        self._gone: dict[tuple[str, str], None] = {}  # model and version, the longest gone first

    def engine(self, model: str, version: str) -> EngineMetrics:
        """For the batcher of one release. Asked for twice, it is the same measurements."""
        return EngineMetrics(self._instruments, (model, version))

    def requests(self, model: str, version: str, variant: str) -> RequestMetrics:
        """For the API's requests that one engine in service answers."""
        labels = (model, version, variant)
        known = self._requests.get(labels)
        if known is None:
            known = self._requests[labels] = RequestMetrics(self._instruments, labels)
        return known

    def swapped(self, model: str, version: str, *, took_seconds: float) -> None:
        """A release was read, verified, smoke-tested and put in service."""
        self._instruments.swaps.labels(model, version, "ok").inc()
        self._instruments.swap_seconds.labels(model).observe(took_seconds)

    def swap_failed(self, model: str, version: str) -> None:
        """A release was turned down, and what served before serves on."""
        self._instruments.swaps.labels(model, version, "failed").inc()

    def serving(self, served: Sequence[tuple[str, str, str]]) -> None:
        """What is in service now: (model, version, variant) of each.

        What was and is no more keeps its counts until some releases later, so that they are read to their end.
        """
        info = self._instruments.serving
        info.clear()
        for each in served:
            info.labels(*each).set(1)
        now = {each[:2] for each in served}
        self._gone.update(dict.fromkeys(self._served - now))
        self._served = now
        for back in now & self._gone.keys():
            del self._gone[back]
        while len(self._gone) > _GONE_KEPT:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._instruments.forget(*oldest)
            self._requests = {labels: known for labels, known in self._requests.items() if labels[:2] != oldest}

    def exposition(self) -> bytes:
        """Everything measured so far, in Prometheus' text format (of media type MEDIA_TYPE)."""
        return generate_latest(self._registry)


class RequestMetrics:
    """What becomes of the requests that the API hands to one engine."""

    def __init__(self, instruments: _Instruments, labels: tuple[str, str, str]) -> None:
        self._instruments = instruments
        self._labels = labels
        self._in_flight = instruments.in_flight.labels(*labels)
        self._first_piece = instruments.first_piece.labels(*labels)
        self._seconds = instruments.request_seconds.labels(*labels)
        self._prompt = instruments.request_prompt.labels(*labels)
        self._answer = instruments.request_answer.labels(*labels)

    def begun(self) -> None:
        self._in_flight.inc()

    def first_piece(self, after_seconds: float) -> None:
        """The answer's first piece, so long after the request arrived."""
        self._first_piece.observe(after_seconds)

    def ended(
        self, outcome: Outcome, took_seconds: float, prompt_tokens: int | None = None, answer_tokens: int | None = None
    ) -> None:
        """The answer is over, after `begun`; tokens by the engine's own measure, None where it did not say."""
        self._in_flight.dec()
        self._instruments.requests.labels(*self._labels, outcome).inc()
        self._seconds.observe(took_seconds)
        if prompt_tokens is not None:
            self._prompt.observe(prompt_tokens)
        if answer_tokens is not None:
            self._answer.observe(answer_tokens)


class EngineMetrics:
    """What happens inside the batcher of one release. Every method may be called from any thread."""

    def __init__(self, instruments: _Instruments, labels: tuple[str, str]) -> None:
        self._instruments = instruments
        self._labels = labels
        self._waiting = instruments.waiting.labels(*labels)
        self._running = instruments.running.labels(*labels)
        self._waited = instruments.waited.labels(*labels)
        self._first_token = instruments.first_token.labels(*labels)
        self._gap = instruments.gap.labels(*labels)
        self._rows = instruments.rows.labels(*labels)
        self._step_seconds = instruments.step_seconds.labels(*labels)
        self._prefilled = instruments.tokens.labels(*labels, "prefill")
        self._decoded = instruments.tokens.labels(*labels, "decode")
        self._reused = instruments.tokens.labels(*labels, "reused")
        self._slots = instruments.slots.labels(*labels)
        self._slots_used = instruments.slots_used.labels(*labels)

    def refused(self, reason: str) -> None:
        """A request was not let in: `queue_full`, `too_long`, `bad_grammar`, `closing`."""
        self._instruments.refusals.labels(*self._labels, reason).inc()

    def queued(self) -> None:
        """A request waits for a place. `admitted` or `left_queue` follows."""
        self._waiting.inc()

    def left_queue(self, outcome: Outcome) -> None:
        """A waiting request was given up, by its client or its deadline."""
        self._waiting.dec()
        self._instruments.answers.labels(*self._labels, outcome).inc()

    def admitted(self, waited_seconds: float, reused_tokens: int = 0) -> None:
        """A waiting request got a place, with so many tokens of its prompt in the cache. `finished` follows."""
        self._waiting.dec()
        self._running.inc()
        self._waited.observe(waited_seconds)
        self._reused.inc(reused_tokens)

    def first_token(self, after_seconds: float) -> None:
        """A request's first token, so long after it was queued."""
        self._first_token.observe(after_seconds)

    def between_tokens(self, seconds: float) -> None:
        """The time from one token of an answer to its next."""
        self._gap.observe(seconds)

    def finished(self, outcome: Outcome) -> None:
        """An admitted request left its place."""
        self._running.dec()
        self._instruments.answers.labels(*self._labels, outcome).inc()

    def stepped(self, rows: int, seconds: float, *, prefill_tokens: int, decode_tokens: int) -> None:
        """One forward pass over so many rows: `prefill_tokens` of prompts were read, `decode_tokens` were chosen."""
        self._rows.observe(rows)
        self._step_seconds.observe(seconds)
        self._prefilled.inc(prefill_tokens)
        self._decoded.inc(decode_tokens)

    def slots(self, used: int, total: int) -> None:
        """How many of the caches belong to a running request."""
        self._slots_used.set(used)
        self._slots.set(total)

    def unloaded(self) -> None:
        """The batcher is closed: what it held is gone; what it counted stays."""
        for gauge in (
            self._instruments.waiting,
            self._instruments.running,
            self._instruments.slots,
            self._instruments.slots_used,
        ):
            gauge.remove(*self._labels)


class _Instruments:
    """Every metric by its name, unit and meaning."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, labels: tuple[str, ...]) -> Counter:
            return Counter(_PREFIX + name, meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, labels: tuple[str, ...]) -> Gauge:
            return Gauge(_PREFIX + name, meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
            return Histogram(_PREFIX + name, meaning, labels, registry=registry, buckets=buckets)

        self.requests = counter("requests", "Answered requests by how they ended", (*_REQUEST, "outcome"))
        self.in_flight = gauge("requests_in_flight", "Requests being answered now", _REQUEST)
        self.first_piece = histogram(
            "time_to_first_piece_seconds", "From a request's arrival to its answer's first piece", _REQUEST, _FIRSTS
        )
        self.request_seconds = histogram(
            "request_seconds", "From a request's arrival to its answer's end", _REQUEST, _DURATIONS
        )
        self.request_prompt = histogram("request_prompt_tokens", "Tokens of a request's prompt", _REQUEST, _TOKENS)
        self.request_answer = histogram("request_answer_tokens", "Tokens of a request's answer", _REQUEST, _TOKENS)
        self.waiting = gauge("queue_length", "Requests that wait for a place in the batch", _ENGINE)
        self.running = gauge("batch_requests", "Requests that have a place in the batch", _ENGINE)
        self.waited = histogram("queue_seconds", "How long a request waited for its place", _ENGINE, _WAITS)
        self.refusals = counter("refusals", "Requests that were not let in, by reason", (*_ENGINE, "reason"))
        self.answers = counter("answers", "Decoded answers by how they ended", (*_ENGINE, "outcome"))
        self.first_token = histogram(
            "time_to_first_token_seconds", "From queueing to a request's first token", _ENGINE, _FIRSTS
        )
        self.gap = histogram("inter_token_seconds", "From one token of an answer to the one after it", _ENGINE, _GAPS)
        self.rows = histogram("step_rows", "Requests in one forward pass", _ENGINE, _ROWS)
        self.step_seconds = histogram("step_seconds", "How long one forward pass took", _ENGINE, _STEPS)
        self.tokens = counter(
            "tokens",
            "Tokens by kind: prompt tokens computed (prefill), tokens chosen (decode), prompt tokens found in the "
            "cache (reused)",
            (*_ENGINE, "kind"),
        )
        self.slots = gauge("cache_slots", "Caches for one request each", _ENGINE)
        self.slots_used = gauge("cache_slots_used", "Caches that belong to a running request", _ENGINE)
        self.swaps = counter("swaps", "Releases put in service or turned down", (*_ENGINE, "result"))
        self.swap_seconds = histogram(
            "swap_seconds", "From reading a release to its first request", ("model",), _DURATIONS
        )
        self.serving = gauge("release_serving", "1 for each release in service", _REQUEST)

    def forget(self, model: str, version: str) -> None:
        """Drop every series of a release."""
        for instrument in vars(self).values():
            if instrument is not self.swap_seconds:
                instrument.remove_by_labels({"model": model, "version": version})
