"""What tells a person, a machine or a copy of a card from another is taken out of texts.

The same value has the same replacement throughout an archive, ``<uuid-1>``: two cards stay two.
PCI addresses, device ids and versions stay, as they are what an archive is for.
"""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import truetpot

UNSPOKEN = frozenset({"localhost", "localhost.localdomain", "root", "(none)"})
"""Names of hosts and users that tell nothing."""
BY_KEY = {
    "uuid": "uuid", "serial": "serial", "serial_number": "serial", "board_serial": "serial",
    "hostname": "host", "host_name": "host", "nodename": "host", "user": "user", "username": "user",
    "machine_id": "uuid", "mac": "mac",
}  # fmt: skip
"""Keys of a record whose text is private whatever it looks like."""
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/sys", "/proc", "/dev", "/etc", "/opt/intel")
"""Folders that are alike on many machines: paths in them stay."""

_HEX = "[0-9A-Fa-f]"
_UUID = re.compile(rf"(?<!{_HEX}){_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}(?!{_HEX})")
_BARE_UUID = re.compile(rf"(?<![0-9A-Za-z]){_HEX}{{32}}(?![0-9A-Za-z])")
_SERIAL = re.compile(
    r"(?i)\b(serial(?:[ _-]?(?:number|num|no\.?|#))?[\"']?\s*[:=#]\s*[\"']?)([^\s\"',;<>]+)"
)
_PCI_SERIAL = re.compile(rf"(?<![\w-]){_HEX}{{2}}(?:-{_HEX}{{2}}){{7}}(?!\w|-\w)")
_MAC = re.compile(
    rf"(?<![\w:-]){_HEX}{{2}}(?:([:-]){_HEX}{{2}})(?:\1{_HEX}{{2}}){{4}}(?!\w|[:-]\w)"
)
_PARTUUID = re.compile(r"(PARTUUID=)([^\s\"'<>]+)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_IPV6 = re.compile(rf"(?<![\w:.])(?:{_HEX}{{0,4}}:){{2,7}}[0-9A-Fa-f.:]*(?![\w:])")
_HOMES = re.compile(r"((?:/home|/Users|[A-Za-z]:\\+Users)[/\\]+)([^/\\\s:\"'<>]+)")
_PATH = re.compile(r"(?<![\w.~>/\\:+-])/(?:[^\s/:\"',;()<>|=]+/)+([^\s/:\"',;()<>|=]*)")


class Redactor:
    """Replaces what is private; keeps count of how many values of each kind there were."""

    def __init__(
        self, hosts: Iterable[str], users: Iterable[str], folders: Mapping[str, str]
    ) -> None:
        """``folders`` are paths and what stands for each, such as the home folder and ``~``."""
        self._seen: dict[str, dict[str, str]] = {}
        self._folders = sorted(folders.items(), key=lambda one: -len(one[0]))
        self._names = [
            (kind, re.compile(rf"(?i)(?<![0-9A-Za-z]){re.escape(name)}(?![0-9A-Za-z])"))
            for kind, names in (("host", hosts), ("user", users))
            for name in sorted({*names} - UNSPOKEN - {""}, key=len, reverse=True)
        ]

    @classmethod
    def of_this_machine(cls, work: Path) -> Redactor:
        """With the names and folders of this machine; ``work`` is the folder of the steps."""
        host = socket.gethostname()
        user = _quietly(getpass.getuser)
        home = _quietly(lambda: str(Path.home()))
        folders = {
            str(work): "<work>",
            str(Path(truetpot.__file__).parent): "<truetpot>",
            sys.prefix: "<python>",
            sys.base_prefix: "<python>",
            str(Path.cwd()): "<here>",
            home: "~",
        }
        folders |= {os.path.realpath(path): tag for path, tag in folders.items() if path}
        names = {user, os.environ.get("SUDO_USER", ""), Path(home).name}
        deep = {path: tag for path, tag in folders.items() if path.count("/") >= 1 and path != "/"}
        kept = {path: tag for path, tag in deep.items() if path not in SYSTEM}
        return cls({host, host.partition(".")[0]}, names, kept)

    @property
    def counts(self) -> dict[str, int]:
        """Different values that were replaced, by kind."""
        return {kind: len(values) for kind, values in sorted(self._seen.items())}

    def text(self, text: str) -> str:
        """The text without what is private."""
        for path, tag in self._folders:
            text = re.sub(rf"(?<![\w/]){re.escape(path)}(?![\w.-])", tag, text)
        text = _SERIAL.sub(self._after("serial"), text)
        text = _PARTUUID.sub(self._after("uuid"), text)
        for kind, pattern in _WHOLE:
            text = pattern.sub(self._whole(kind), text)
        text = _IPV4.sub(self._ip, text)
        text = _IPV6.sub(self._ip, text)
        text = _HOMES.sub(self._after("user"), text)
        for kind, pattern in self._names:
            text = pattern.sub(self._whole(kind), text)
        return _PATH.sub(self._path, text)

    def value(self, value: Any) -> Any:
        """The same of all text within a JSON value, and of what stands under a private key."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            return {key: self._under(key, one) for key, one in value.items()}
        return value

    def _under(self, key: str, value: Any) -> Any:
        kind = BY_KEY.get(key.lower())
        if kind is not None and value is not None and not isinstance(value, dict | list):
            return self._tag(kind, str(value)) if str(value) else value
        return self.value(value)

    def _tag(self, kind: str, value: str) -> str:
        if re.fullmatch(r"<[a-z]+-\d+>", value):  # was replaced before
            return value
        known = self._seen.setdefault(kind, {})
        return known.setdefault(value.lower(), f"<{kind}-{len(known) + 1}>")

    def _whole(self, kind: str) -> Callable[[re.Match[str]], str]:
        """Replaces all of a match."""
        return lambda match: self._tag(kind, match[0])

    def _after(self, kind: str) -> Callable[[re.Match[str]], str]:
        """Replaces what follows a word that stays."""
        return lambda match: match[1] + self._tag(kind, match[2])

    def _ip(self, match: re.Match[str]) -> str:
        found = match[0].rstrip(".")
        rest = match[0][len(found) :]
        while found:  # "fe80::1:" of a sentence
            try:
                address = ipaddress.ip_address(found)
            except ValueError:
                if not found.endswith(":"):
                    return match[0]
                found, rest = found[:-1], ":" + rest
                continue
            if address.is_unspecified or address.is_loopback:
                return match[0]
            return self._tag("ip", found) + rest
        return match[0]

    def _path(self, match: re.Match[str]) -> str:
        path = match[0]
        if any(path == root or path.startswith(f"{root}/") for root in SYSTEM):
            return path
        before, found, after = path.partition("/site-packages/")
        if found:
            return f"{self._tag('path', before)}{found}{after}"
        folder = path[: len(path) - len(match[1])]
        return f"{self._tag('path', folder)}/{match[1]}"


_WHOLE = (
    ("serial", _PCI_SERIAL), ("uuid", _UUID), ("uuid", _BARE_UUID), ("mac", _MAC),
    ("email", _EMAIL),
)  # fmt: skip


def _quietly(ask: Callable[[], str]) -> str:
    """Empty where there is no such thing, as in a container."""
    try:
        return ask()
    except (OSError, KeyError, RuntimeError):
        return ""
