"""A real pseudo-terminal as the standard streams of this process."""

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from contextlib import contextmanager


class Screenful:
    """What a terminal was sent; whole once the streams are closed."""

    def __init__(self):
        self.parts = []

    @property
    def text(self):
        """As it was sent, line ends of a terminal as newlines."""
        return b"".join(self.parts).decode().replace("\r\n", "\n")

    @property
    def shown(self):
        """Without styles, and without what a progress bar has taken back."""
        plain = re.sub(r"\x1b\[(?:[\d;]*m|\?25[lh])", "", self.text)
        return re.sub(r"\r\x1b\[2K[^\n]*\n\r\x1b\[1A\x1b\[2K", "", re.sub(
            r"(\r\x1b\[2K[^\n\r]*)+(?=\r\x1b\[2K)", "", plain
        ))  # fmt: skip


@contextmanager
def terminal_of(monkeypatch, columns, term="xterm"):
    """Both streams are a terminal of so many columns within; gives what it was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    got = Screenful()

    def read():
        try:
            while part := os.read(ours, 1 << 16):
                got.parts.append(part)
        except OSError:  # what Linux says at the end
            pass

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with monkeypatch.context() as patch, os.fdopen(theirs, "w", encoding="utf-8") as stream:
            patch.delenv("COLUMNS", raising=False)
            patch.setenv("TERM", term)
            patch.setattr("sys.stdout", stream)
            patch.setattr("sys.stderr", stream)
            yield got
    finally:
        reader.join()
        os.close(ours)
