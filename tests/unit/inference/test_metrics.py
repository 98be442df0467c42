"""What Prometheus reads of the models."""

from __future__ import annotations

import threading

from prometheus_client.parser import text_string_to_metric_families

from usher_inference.metrics import MEDIA_TYPE, Metrics


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels' values, by Prometheus' own parser."""
    return {
        (sample.name.removeprefix("usher_inference_"), *(sample.labels[name] for name in sorted(sample.labels))): (
            sample.value
        )
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_a_request_goes_through_the_batcher() -> None:
    metrics = Metrics()
    engine = metrics.engine("m", "1")
    engine.slots(0, 8)
    engine.queued()
    engine.queued()
    assert read(metrics)["queue_length", "m", "1"] == 2
    engine.admitted(0.02, reused_tokens=30)
    engine.left_queue("deadline")
    engine.slots(1, 8)
    engine.stepped(1, 0.01, prefill_tokens=12, decode_tokens=1)
    engine.first_token(0.03)
    engine.stepped(1, 0.004, prefill_tokens=0, decode_tokens=1)
    engine.between_tokens(0.004)
    during = read(metrics)
    engine.finished("stop")
    after = read(metrics)
    assert during["batch_requests", "m", "1"] == 1
    assert during["cache_slots_used", "m", "1"] == 1
    assert during["cache_slots", "m", "1"] == 8
    assert after["queue_length", "m", "1"] == 0
    assert after["batch_requests", "m", "1"] == 0
    assert after["answers_total", "m", "stop", "1"] == 1
    assert after["answers_total", "m", "deadline", "1"] == 1
    assert [after["tokens_total", kind, "m", "1"] for kind in ("prefill", "decode", "reused")] == [12, 2, 30]
    assert after["queue_seconds_sum", "m", "1"] == 0.02
    assert after["time_to_first_token_seconds_sum", "m", "1"] == 0.03
    assert after["inter_token_seconds_sum", "m", "1"] == 0.004
    assert after["step_rows_count", "m", "1"] == 2
    assert after["step_seconds_sum", "m", "1"] == 0.014


def test_a_release_that_is_unloaded_leaves_its_counts_and_no_gauge() -> None:
    metrics = Metrics()
    old, new = metrics.engine("m", "1"), metrics.engine("m", "2")
    for engine in (old, new):
        engine.slots(1, 4)
        engine.queued()
        engine.admitted(0.1)
        engine.finished("length")
    old.unloaded()
    samples = read(metrics)
    gauges = {"queue_length", "batch_requests", "cache_slots", "cache_slots_used"}
    assert {key[2] for key in samples if key[0] in gauges} == {"2"}
    assert samples["answers_total", "m", "length", "1"] == 1


def test_what_serves_is_what_was_said_last() -> None:
    metrics = Metrics()
    metrics.swapped("m", "1", took_seconds=2.0)
    metrics.serving([("m", "1", "stable")])
    metrics.swapped("m", "2", took_seconds=3.0)
    metrics.swap_failed("m", "3")
    metrics.serving([("m", "1", "stable"), ("m", "2", "canary")])
    metrics.serving([("m", "2", "stable")])
    samples = read(metrics)
    assert [key for key in samples if key[0] == "release_serving"] == [("release_serving", "m", "stable", "2")]
    assert samples["swaps_total", "m", "ok", "1"] == 1
    assert samples["swaps_total", "m", "failed", "3"] == 1
    assert samples["swap_seconds_sum", "m"] == 5


def test_releases_that_come_and_go_leave_no_growing_trail() -> None:
    metrics = Metrics()
    lengths = []
    for number in range(12):
        version = str(number)
        metrics.serving([("m", version, "stable")])
        metrics.engine("m", version).refused("queue_full")
        requests = metrics.requests("m", version, "stable")
        requests.begun()
        requests.ended("stop", 0.1, 5, 6)
        lengths.append(len(read(metrics)))
    assert lengths[6:] == lengths[5:-1]
    assert {key[4] for key in read(metrics) if key[0] == "requests_total"} == {"7", "8", "9", "10", "11"}


def test_a_release_that_comes_back_goes_on_counting() -> None:
    metrics = Metrics()
    for number in range(6):
        metrics.serving([("m", "good", "stable")])
        metrics.engine("m", "good").refused("queue_full")
        metrics.serving([("m", f"bad {number}", "stable")])
    assert read(metrics)["refusals_total", "m", "queue_full", "good"] == 6


def test_the_same_release_asked_for_twice_counts_in_one_place() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.engine("m", "1").refused("queue_full")
    assert read(metrics)["refusals_total", "m", "queue_full", "1"] == 2


def test_threads_lose_nothing() -> None:
    metrics = Metrics()

    def work() -> None:
        engine = metrics.engine("m", "1")
        for _ in range(500):
            engine.stepped(2, 0.001, prefill_tokens=0, decode_tokens=2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    samples = read(metrics)
    assert samples["tokens_total", "decode", "m", "1"] == 4000
    assert samples["step_rows_count", "m", "1"] == 2000


def test_the_format_is_the_one_that_every_prometheus_reads() -> None:
    assert MEDIA_TYPE == "text/plain; version=0.0.4; charset=utf-8"
