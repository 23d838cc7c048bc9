"""A server that streams tokens at a known pace, for what a client makes of it.

``python -m truetpot.drive.stub PACE_S`` prints its port on the first line and serves until it is
ended. It speaks ``/v1/models``, ``/v1/completions`` and ``/v1/chat/completions``, streamed or not.
``/paces`` tells when it really sent: a stub on a busy machine is late too, and that is not the
client's fault.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

MODEL = "pace-stub"
FIRST_S = 0.05
"""From a request to its first token."""
WORDS = ("the", "card", "reads", "its", "weights", "once", "for", "every", "token", "and", "waits")
MOST_BODY = 64 << 20
_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class Stub:
    """Streams ``max_tokens`` words, one a chunk, ``pace_s`` seconds apart by absolute deadlines."""

    def __init__(self, pace_s: float) -> None:
        self.pace_s = pace_s
        self.paces: list[tuple[int, float]] = []
        """Of each stream: its tokens, and seconds per token after the first, as they were sent."""

    async def serve(self, port: int = 0) -> asyncio.Server:
        """Listen on a port of 127.0.0.1; 0 is a free one."""
        return await asyncio.start_server(self._connected, "127.0.0.1", port, limit=1 << 20)

    def words(self, request: Mapping[str, Any], tokens: int) -> list[str]:
        """The text of each token of an answer."""
        return [f" {WORDS[i % len(WORDS)]}" for i in range(tokens)]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: requests one after another."""
        try:
            while (asked := await _request(reader)) is not None:
                path, body = asked
                await self.answer(path, body, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the client is gone, or speaks something else
        finally:
            writer.close()

    async def answer(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        """Answer one request: list models, complete, or set the pace."""
        if path.endswith("/models"):
            send(writer, 200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        elif path.endswith("/completions"):
            await self.complete(path, json.loads(body), writer)
        elif path == "/paces":
            send(writer, 200, self.paces)
        else:
            send(writer, 404, {"error": {"message": f"no {path} here"}})

    async def complete(
        self, path: str, request: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        """Answer a completion, at the pace that was set."""
        start = time.monotonic()
        asked = request.get("max_tokens") or request.get("max_completion_tokens") or 16
        words = self.words(request, int(asked))
        chat = "chat" in path
        usage = self.usage(request, len(words))
        if not request.get("stream"):
            await asyncio.sleep(FIRST_S + self.pace_s * max(0, len(words) - 1))
            send(writer, 200, whole(chat, "".join(words), usage))
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        sent = []
        for i, word in enumerate(words):
            wait = start + FIRST_S + i * self.pace_s - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            event(writer, piece(chat, word, "length" if i == len(words) - 1 else None))
            await writer.drain()
            sent.append(time.monotonic())
        event(writer, {**piece(chat, "", None), "choices": [], "usage": usage})
        event(writer, None)
        writer.write(b"0\r\n\r\n")
        if len(sent) > 1:
            self.paces.append((len(sent), (sent[-1] - sent[0]) / (len(sent) - 1)))

    def usage(self, request: Mapping[str, Any], tokens: int) -> dict[str, int]:
        """The server's counts; a prompt has as many tokens as words here."""
        said = request.get("prompt") or " ".join(
            str(message.get("content")) for message in request.get("messages", [])
        )
        prompt = len(str(said).split())
        return {
            "prompt_tokens": prompt,
            "completion_tokens": tokens,
            "total_tokens": prompt + tokens,
        }


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes] | None:
    """Path and body of the next request; None at the end of the connection."""
    line = (await reader.readline()).decode("latin-1").split()
    if len(line) < 2:
        return None
    length = 0
    while head := (await reader.readline()).decode("latin-1").strip():
        name, _, value = head.partition(":")
        if name.lower() == "content-length":
            length = min(int(value), MOST_BODY)
    return line[1], await reader.readexactly(length)


def send(writer: asyncio.StreamWriter, status: int, value: Any) -> None:
    """Write a whole HTTP answer with a JSON body."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def event(writer: asyncio.StreamWriter, value: Any) -> None:
    """One server-sent event, a chunk of its own; None is the last."""
    data = b"data: " + (b"[DONE]" if value is None else json.dumps(value).encode()) + b"\n\n"
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def piece(chat: bool, text: str, finish: str | None) -> dict[str, Any]:
    """One message of a streamed answer, as the OpenAI API has it."""
    said = {"delta": {"role": "assistant", "content": text}} if chat else {"text": text}
    kind = "chat.completion.chunk" if chat else "text_completion"
    return _completion(kind, {"index": 0, "finish_reason": finish, **said})


def whole(chat: bool, text: str, usage: dict[str, int]) -> dict[str, Any]:
    """An answer that is not streamed."""
    said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    kind = "chat.completion" if chat else "text_completion"
    choice = {"index": 0, "finish_reason": "length", **said}
    return {**_completion(kind, choice), "usage": usage}


def _completion(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": "stub", "object": kind, "created": 0, "model": MODEL, "choices": [choice]}


async def _main(pace_s: float) -> None:
    server = await Stub(pace_s).serve()
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1])))
