"""A small server that speaks the protocol, and has one fault if it is asked to."""

import asyncio
import hashlib
import threading
from contextlib import contextmanager, suppress

from truetpot.drive.stub import Stub, event, piece, send
from truetpot.serving.prompts import corpus

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Faulty(Stub):
    """``fault`` is how it fails; ``after`` requests for completions are right before."""

    def __init__(self, tokenizer, fault="", after=0, pace_s=0.004):
        super().__init__(pace_s)
        self.tokenizer, self.fault, self.after = tokenizer, fault, after
        self.asked, self.keys = [], []
        text = " ".join(passage.text for passage in corpus.shipped("en"))
        self.pieces = [tokenizer.decode([one]) for one in tokenizer.plain(text[:40_000])]

    @property
    def now(self):
        """The fault of this request."""
        return self.fault if len(self.asked) > self.after else ""

    def words(self, request, tokens):
        """Tokens of the shipped text, by the prompt; the same for the same prompt."""
        digest = hashlib.sha256(repr(request.get("prompt") or request["messages"]).encode())
        start = int.from_bytes(digest.digest()[:4]) % (len(self.pieces) - tokens - 1)
        if self.now == "unrepeatable":
            start = len(self.asked)
        words = self.pieces[start : start + tokens]
        if self.now == "blank":
            return [" "] * tokens
        if self.now == "doubled":
            return [word for word in words[: tokens // 2] for _ in range(2)]
        if self.now == "control":
            return ["\x01\ufffd"] * tokens
        if self.now == "stops early":
            return words[: tokens // 2]
        if self.now == "too long":
            return self.pieces[start : start + tokens + 5]
        return words

    def usage(self, request, tokens):
        """By the tokenizer, so that a prompt has the tokens that it was made of."""
        said = request.get("prompt") or request["messages"][-1]["content"]
        prompt = self.tokenizer.count(said if isinstance(said, str) else said[0])
        if self.now == "wrong count":
            tokens //= 2
        prompt += 3 if self.now == "another tokenizer" else 0
        return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": 0}

    async def answer(self, path, body, writer):
        """As the stub, but for the fault."""
        if "completions" in path:
            self.asked.append(path)
        if self.now in ("500", "429") and "completions" in path:
            send(writer, int(self.now), {"error": {"message": "no"}})
            return
        await super().answer(path, body, writer)

    async def complete(self, path, request, writer):
        """As the stub, but for the fault."""
        if self.now == "hang":
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
            return
        if self.now == "stalls":
            writer.write(HEAD)
            event(writer, piece(False, " a", None))
            await writer.drain()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
            return
        if self.now == "dies":
            self.listening.close()
            writer.transport.abort()
            return
        if self.now in ("garbage", "drop"):
            writer.write(HEAD)
            if self.now == "garbage":
                data = b"data: <html>\xff{{{\n\n"
                writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n")
            else:
                event(writer, {"choices": [{"index": 0, "text": " a", "finish_reason": None}]})
                await writer.drain()
                writer.transport.abort()
            return
        await super().complete(path, request, writer)


@contextmanager
def running(stub):
    """The stub in a thread; gives its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(stub.serve(), loop).result(30)
    stub.listening = server
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _ended(server):
    """In its own thread: the server, connections that are still open, and answers that hang."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)
