"""A Vertex AI endpoint in front of a model that speaks OpenAI's chat completions, by rawPredict.

The endpoint's URL is dedicated (`https://<id>.<region>-<number>.prediction.vertexai.goog/v1/projects/<p>/locations/
<region>/endpoints/<id>`) or shared (`https://<region>-aiplatform.googleapis.com/v1/projects/…`). Google's vLLM
container takes the request as `instances[0]` with `"@requestFormat": "chatCompletions"` and answers with the completion
under `predictions`; a container of one's own may answer with the completion itself. A dedicated endpoint streams by
streamRawPredict; a shared one does not, and takes 1.5 MB and 60 s at most.
"""

from __future__ import annotations

from typing import Any

import orjson

from usher_shared.errors import UpstreamFailed
from usher_shared.model_servers.answers import Refused
from usher_shared.model_servers.openai_wire import Gathered, read_message

_LARGEST_SHARED_BYTES = 1_500_000


def is_dedicated(endpoint_url: str) -> bool:
    """As its host tells."""
    return "aiplatform.googleapis.com" not in endpoint_url


def verb(*, streams: bool) -> str:
    return "streamRawPredict" if streams else "rawPredict"


def write_instance(request: dict[str, Any], *, dedicated: bool) -> bytes:
    """The body around a chat completion's. Raises Refused for what is too long for a shared endpoint."""
    body = orjson.dumps({"instances": [{"@requestFormat": "chatCompletions", **request}]})
    if not dedicated and len(body) > _LARGEST_SHARED_BYTES:
        raise Refused("the conversation is too long for a shared endpoint (1.5 MB)")
    return body


def read_prediction(raw: bytes) -> Gathered:
    """A whole answer. Raises UpstreamFailed for what is no completion."""
    try:
        body: Any = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise UpstreamFailed("the model's answer is no completion") from error
    found = body.get("predictions", body) if isinstance(body, dict) else body
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        raise UpstreamFailed("the model's answer is no completion")
    return read_message(found)
