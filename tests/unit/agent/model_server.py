"""A model's server as a process of its own, to be killed: python model_server.py <port> <name>

What it does is said by the last message of the customer: "slowly" leaves half an answer hanging, "silence" no answer at
all, "nonsense" something else; any other gets "<name> here." It writes a line when it is asked.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web


def main(port: int, name: str) -> None:
    def tell(what: str) -> None:
        sys.stdout.write(what + "\n")
        sys.stdout.flush()

    def chunk(**choice: object) -> bytes:
        body = {"model": name, "choices": [{"index": 0, **choice}]}
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    async def complete(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user")
        if "nonsense" in asked:
            tell("asked")
            return web.Response(text="<html>welcome to nginx</html>")
        if "silence" in asked:
            tell("asked")
            await asyncio.Event().wait()
        usage = {"prompt_tokens": 50, "completion_tokens": 5}
        if not body.get("stream"):
            tell("asked")
            message = {"role": "assistant", "content": f"{name} here."}
            return web.json_response({"model": name, "choices": [{"message": message}], "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if "slowly" in asked:
            await response.write(chunk(delta={"content": f"{name} says that. The best "}))
            tell("half")
            await asyncio.Event().wait()
        await response.write(chunk(delta={"content": f"{name} here."}))
        await response.write(b"data: [DONE]\n\n")
        tell("asked")
        return response

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": []})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    web.run_app(app, host="127.0.0.1", port=port, print=lambda _: tell("ready"), handle_signals=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
