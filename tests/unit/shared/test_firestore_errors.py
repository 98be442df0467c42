"""What Firestore's failures mean: run again, ask again, never again."""

from __future__ import annotations

import grpc
import pytest
from google.api_core import exceptions

from usher_shared.documents import AlreadyExists, MissingIndex
from usher_shared.documents.firestore_connection import GivenUp, Unanswered, meaning
from usher_shared.errors import UpstreamFailed


def failure(status: grpc.StatusCode, message: str) -> exceptions.GoogleAPICallError:
    return exceptions.from_grpc_status(status, message)


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (grpc.StatusCode.ABORTED, "Transaction lock timeout.", GivenUp),
        (grpc.StatusCode.ABORTED, "Too much contention on these documents. Please try again.", GivenUp),
        (grpc.StatusCode.INVALID_ARGUMENT, "The referenced transaction has expired or is no longer valid.", GivenUp),
        (grpc.StatusCode.INVALID_ARGUMENT, "Transaction is invalid or closed.", GivenUp),  # the emulator's
        (grpc.StatusCode.INVALID_ARGUMENT, "Invalid transaction.", GivenUp),  # the emulator's after a restart
        (grpc.StatusCode.INVALID_ARGUMENT, "Property x contains an invalid nested entity.", ValueError),
        (grpc.StatusCode.ALREADY_EXISTS, "Document already exists", AlreadyExists),
        (grpc.StatusCode.FAILED_PRECONDITION, "The query requires an index. You can create it here: …", MissingIndex),
        (grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses", Unanswered),
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", Unanswered),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded.", Unanswered),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", Unanswered),
        (grpc.StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.", UpstreamFailed),
        (grpc.StatusCode.NOT_FOUND, "The database usher-tools does not exist", UpstreamFailed),
    ],
)
def test_each_failure_has_its_meaning(status: grpc.StatusCode, message: str, expected: type[Exception]) -> None:
    assert type(meaning(failure(status, message))) is expected


def test_what_took_its_whole_deadline_is_not_asked_again_at_once() -> None:
    late = meaning(failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"))
    gone = meaning(failure(grpc.StatusCode.UNAVAILABLE, "failed to connect"))
    assert isinstance(late, Unanswered)
    assert isinstance(gone, Unanswered)
    assert (late.again, gone.again) == (False, True)


def test_a_refusal_does_not_tell_callers_what_the_server_said() -> None:
    refusal = meaning(failure(grpc.StatusCode.PERMISSION_DENIED, "service account x@y lacks datastore.user"))
    assert "x@y" not in str(refusal)
