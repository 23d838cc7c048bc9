"""What torch.xpu and torch.accelerator have in each release, for `tests/data/torch_api.toml`.

Reads the Python files of each release's wheel on PyPI, by ranges of bytes: some 100 KB a release,
nothing is installed or imported. Functions and classes by their parameters, without annotations.
"""

import ast
import io
import json
import re
import sys
import urllib.request
import zipfile

INDEX = "https://pypi.org/simple/torch/"
RELEASES = ("2.6.0", "2.7.1", "2.8.0", "2.9.1", "2.10.0", "2.11.0", "2.12.0", "2.13.0")
MODULES = ("xpu", "accelerator")


class Ranges(io.RawIOBase):
    """A file behind a URL, of which only what is read is fetched."""

    def __init__(self, url: str) -> None:
        self.url, self.at = url, 0
        self.size = int(self._get(0, 0).headers["Content-Range"].rpartition("/")[2])

    def _get(self, first: int, last: int):
        wanted = {"Range": f"bytes={first}-{last}"}
        return urllib.request.urlopen(urllib.request.Request(self.url, headers=wanted))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.size)[whence] + offset
        return self.at

    def readinto(self, buffer) -> int:
        count = min(len(buffer), self.size - self.at)
        if count > 0:
            buffer[:count] = self._get(self.at, self.at + count - 1).read()
            self.at += count
        return max(0, count)


def parameters(arguments: ast.arguments) -> str:
    """``device, *, stream=None``: without annotations, and without self or cls."""
    for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        one.annotation = None
    for one in filter(None, (arguments.vararg, arguments.kwarg)):
        one.annotation = None
    text = ast.unparse(arguments)
    return re.sub(r"^(self|cls)(, )?", "", text)


def names(source: str) -> dict[str, str]:
    """Public functions and classes of a file's top level, and what they are called with."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = parameters(node.args)
        elif isinstance(node, ast.ClassDef):
            made = [m for m in node.body if getattr(m, "name", "") in ("__init__", "__new__")]
            found[node.name] = parameters(made[0].args) if made else ""
    return {name: text for name, text in found.items() if not name.startswith("_")}


def main() -> None:
    """One table a release."""
    page = urllib.request.urlopen(INDEX).read().decode()
    links = {name: url for url, name in re.findall(r'href="([^"]+)"[^>]*>([^<]+)<', page)}
    sys.stdout.write("# What torch.xpu and torch.accelerator have, by tools/torch_api.py\n")
    for release in RELEASES:
        # the smallest wheel: the Python files are the same on every system
        (name, *_) = [n for n in links if n.startswith(f"torch-{release}-") and "macos" in n]
        wheel = zipfile.ZipFile(io.BufferedReader(Ranges(links[name]), 1 << 16))
        sys.stdout.write(f'\n["{release}"]  # {name}\n')
        found: dict[str, str] = {}
        for file in sorted(wheel.namelist()):
            matched = re.fullmatch(rf"torch/({'|'.join(MODULES)})/\w+\.py", file)
            if matched:
                new = names(wheel.read(file).decode())
                found |= {f"{matched[1]}.{key}": text for key, text in new.items()}
        for key, text in sorted(found.items()):
            sys.stdout.write(f"{json.dumps(key)} = {json.dumps(text)}\n")


if __name__ == "__main__":
    main()
