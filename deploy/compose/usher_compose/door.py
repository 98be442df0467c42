"""A way to a server that can be shut: nobody sees the server before it has what they expect."""

from __future__ import annotations

import asyncio
import contextlib


class Door:
    """Passes on what comes to `port` while it is open; shuts by itself when the server ends a connection or has gone.

    The standard library alone: it also runs where nothing of Usher is installed.
    """

    def __init__(self, port: int, host: str, inner_port: int) -> None:
        self._port = port
        self._inner = (host, inner_port)
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._pass_on, "0.0.0.0", self._port)  # noqa: S104  others' containers

    def shut(self) -> None:
        """No more from outside, from those who are connected neither."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for way in self._ways:
            way.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._inner)
        except OSError:
            writer.close()
            self.shut()
            return
        ways = {writer, inner_writer}
        self._ways |= ways
        coming = asyncio.create_task(self._copy(reader, inner_writer))
        await self._copy(inner_reader, writer)
        if not coming.done():  # it was the server who ended it
            self.shut()
        await coming
        self._ways -= ways

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()
