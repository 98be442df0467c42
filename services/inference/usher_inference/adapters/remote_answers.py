"""An answer of OpenAI's wire, whole or in pieces, as an engine's pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiohttp

from usher_inference.adapters.remote_wire import finish, read_calls, text_delta
from usher_inference.completions.model import Delta, Prompt, Usage
from usher_shared.model_servers.http import read_limited
from usher_shared.model_servers.openai_wire import Gathered, StreamedAnswer, sse_data


async def read_answer(
    response: aiohttp.ClientResponse, prompt: Prompt, read_whole: Callable[[bytes], Gathered]
) -> AsyncIterator[Delta]:
    """Text as it comes, then whole calls and the end. Raises Refused and UpstreamFailed for what is no answer."""
    if response.content_type == "text/event-stream":
        answer = StreamedAnswer()
        async for data in sse_data(response.content.iter_any()):
            delta = text_delta(answer.add(data), answer.take_logprobs(), prompt)
            if delta is not None:
                yield delta
        gathered = answer.ended()
    else:
        gathered = read_whole(await read_limited(response))
        delta = text_delta("".join(gathered.text), gathered.logprobs, prompt)
        if delta is not None:
            yield delta
    gathered.check()
    calls = read_calls(gathered.calls, prompt)
    for call in calls:
        yield call
    usage = None
    if gathered.usage:
        usage = Usage(gathered.prompt_tokens, gathered.completion_tokens, gathered.cached_tokens)
    yield finish(prompt, "".join(gathered.text), calls, cut_short=gathered.finish == "length", usage=usage)
