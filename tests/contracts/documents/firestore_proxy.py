"""A server between the store and the emulator that loses what it is told to: requests, or their answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio

_SERVICE = "google.firestore.v1.Firestore"
_STREAMS = ("BatchGetDocuments", "RunQuery")
_CALLS = ("Commit", "Rollback")


class LossyProxy:
    """`lose_requests` and `lose_answers` count, by call, how many more are lost; `seen` counts what came.

    While `open` is not set, the answers to reads stay here; `held` is set once one does.
    """

    def __init__(self, emulator: grpc.aio.Channel) -> None:
        self._emulator = emulator
        self.lose_requests: Counter[str] = Counter()
        self.lose_answers: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.open, self.held = asyncio.Event(), asyncio.Event()
        self.open.set()

    async def _lose(self, losses: Counter[str], call: str, context: grpc.aio.ServicerContext) -> None:
        if losses[call] > 0:
            losses[call] -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "lost by the test")

    def _forward(self, call: str, *, stream: bool) -> grpc.RpcMethodHandler:
        path = f"/{_SERVICE}/{call}"

        async def unary(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            self.seen[call] += 1
            await self._lose(self.lose_requests, call, context)
            metadata = [(k, v) for k, v in context.invocation_metadata() if not k.startswith(("grpc-", "user-agent"))]
            try:
                answer: bytes = await self._emulator.unary_unary(path)(request, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                await self._lose(self.lose_answers, call, context)
                await context.abort(error.code(), error.details() or "")
                raise
            await self._lose(self.lose_answers, call, context)
            return answer

        async def streamed(request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            self.seen[call] += 1
            await self._lose(self.lose_requests, call, context)
            metadata = [(k, v) for k, v in context.invocation_metadata() if not k.startswith(("grpc-", "user-agent"))]
            try:
                async for answer in self._emulator.unary_stream(path)(request, metadata=metadata):
                    if not self.open.is_set():
                        self.held.set()
                        await self.open.wait()
                    yield answer
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "")

        if stream:
            return grpc.unary_stream_rpc_method_handler(streamed)
        return grpc.unary_unary_rpc_method_handler(unary)

    def handler(self) -> grpc.GenericRpcHandler:
        methods = {call: self._forward(call, stream=True) for call in _STREAMS}
        methods |= {call: self._forward(call, stream=False) for call in _CALLS}
        return grpc.method_handlers_generic_handler(_SERVICE, methods)


@asynccontextmanager
async def lossy_proxy(emulator: str, address: str = "127.0.0.1:0") -> AsyncIterator[tuple[LossyProxy, str]]:
    """The proxy and its `host:port`."""
    async with grpc.aio.insecure_channel(emulator) as channel:
        proxy, server = LossyProxy(channel), grpc.aio.server()
        server.add_generic_rpc_handlers((proxy.handler(),))
        port = server.add_insecure_port(address)
        await server.start()
        try:
            yield proxy, f"127.0.0.1:{port}"
        finally:
            await server.stop(None)
