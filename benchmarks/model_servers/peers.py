"""Two servers of transformers' own generation with OpenAI's streaming wire, as one would write them with FastAPI.

`generate`: each request runs `model.generate` in a thread, its text streamed with TextIteratorStreamer; with
`--one-at-a-time` requests wait for each other instead of sharing the cores. `continuous`: one
ContinuousBatchingManager for all.

usage: peers.py {generate,continuous} MODEL_FOLDER PORT [--one-at-a-time]
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from tokenizers.decoders import DecodeStream
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    ContinuousBatchingConfig,
    GenerationConfig,
    TextIteratorStreamer,
)

KIND, FOLDER, PORT = sys.argv[1:4]
tokenizer = AutoTokenizer.from_pretrained(FOLDER)
model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32, attn_implementation="sdpa").eval()
app = FastAPI()


class Request(BaseModel):
    messages: list[dict[str, Any]]
    max_tokens: int = 128


def _prompt(request: Request) -> list[int]:
    text = tokenizer.apply_chat_template(request.messages, add_generation_prompt=True, tokenize=False)
    return list(tokenizer.encode(text, add_special_tokens=False))


def _frame(text: str, usage: int | None = None) -> str:
    body: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": text}}]}
    if usage is not None:
        body["usage"] = {"completion_tokens": usage}
    return f"data: {json.dumps(body)}\n\n"


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


if KIND == "generate":
    turn = threading.Lock() if "--one-at-a-time" in sys.argv else nullcontext()

    @app.post("/v1/chat/completions")
    def complete(request: Request) -> StreamingResponse:
        prompt = torch.tensor([_prompt(request)])
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
        made: list[int] = []

        def run() -> None:
            with turn, torch.inference_mode():
                found = model.generate(
                    prompt,
                    attention_mask=torch.ones_like(prompt),
                    streamer=streamer,
                    max_new_tokens=request.max_tokens,
                    do_sample=False,
                )
            made.append(found.shape[1] - prompt.shape[1])

        thread = threading.Thread(target=run)
        thread.start()

        def frames() -> Iterator[str]:
            for piece in streamer:
                if piece:
                    yield _frame(piece)
            thread.join()
            yield _frame("", made[0])
            yield "data: [DONE]\n\n"

        return StreamingResponse(frames(), media_type="text/event-stream")

else:
    settings = GenerationConfig(
        max_new_tokens=1024, do_sample=False, eos_token_id=-1, pad_token_id=tokenizer.pad_token_id
    )
    # pages for sixteen conversations of 512 tokens; without numbers it takes nearly all of the machine's memory
    sizes = ContinuousBatchingConfig(page_size=32, num_blocks=256, max_batch_tokens=512)
    manager = model.init_continuous_batching(generation_config=settings, continuous_batching_config=sizes)
    manager.start()
    ids = itertools.count()

    @app.post("/v1/chat/completions")
    async def complete_in_batch(request: Request) -> StreamingResponse:
        loop = asyncio.get_running_loop()
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        id = f"request-{next(ids)}"
        # as registered here, the manager calls it in this event loop
        manager.register_result_handler(id, inbox.put_nowait)
        prompt = _prompt(request)
        await loop.run_in_executor(
            None,
            lambda: manager.add_request(
                prompt, request_id=id, max_new_tokens=request.max_tokens, streaming=True, eos_token_id=-1
            ),
        )

        async def frames() -> AsyncIterator[str]:
            stream = DecodeStream(skip_special_tokens=False)
            taken = 0
            while True:
                result = await inbox.get()
                for token in result.generated_tokens[taken:]:
                    if piece := stream.step(tokenizer.backend_tokenizer, token):
                        yield _frame(piece)
                taken = len(result.generated_tokens)
                if result.is_finished():
                    yield _frame("", taken)
                    yield "data: [DONE]\n\n"
                    return

        return StreamingResponse(frames(), media_type="text/event-stream")


uvicorn.run(app, host="127.0.0.1", port=int(PORT), log_level="warning", access_log=False)
