"""Nothing that tells a person, a machine or a card's copy stays; what an archive is for does."""

import ipaddress
import json
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.contact.redact import Redactor

HOST, USER, HOME = "arcbox7", "ludmila", "/home/ludmila"
AROUND = st.sampled_from(["", " ", "\n", '"', "'", "(", "[", "=", ": ", ", "])
AFTER = st.sampled_from(["", " ", "\n", '"', "'", ")", "]", ", ", ";", ". ", ": "])
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)


def redactor():
    return Redactor({HOST, f"{HOST}.lan"}, {USER}, {HOME: "~", "/srv/tree": "<here>"})


def mac(raw, sign):
    return sign.join(f"{one:02x}" for one in raw)


SECRETS = {
    "uuid": st.uuids().map(str),
    "upper uuid": st.uuids().map(lambda one: f"GPU-{str(one).upper()}"),
    "bare uuid": st.uuids().map(lambda one: one.hex),
    "mac": st.binary(min_size=6, max_size=6).map(lambda raw: mac(raw, ":")),
    "dashed mac": st.binary(min_size=6, max_size=6).map(lambda raw: mac(raw, "-")),
    "pci serial": st.binary(min_size=8, max_size=8).map(lambda raw: mac(raw, "-")),
    "ipv4": st.ip_addresses(v=4).filter(lambda one: not (one.is_loopback or one.is_unspecified)),
    "ipv6": st.ip_addresses(v=6).filter(lambda one: not (one.is_loopback or one.is_unspecified)),
    "email": st.builds("{}@{}.org".format, WORDS, WORDS),
    "host": st.sampled_from([HOST, HOST.upper(), f"{HOST}.lan"]),
    "user": st.sampled_from([USER, USER.upper()]),
    "home": st.builds((HOME + "/{}/{}").format, WORDS, WORDS),
    "other home": st.builds("/home/{}9/x.py".format, WORDS),
    "windows home": st.builds("C:\\Users\\{}9\\x.py".format, WORDS),
}
ONES_OWN = {"home": USER, "other home": None, "windows home": None}


@pytest.mark.parametrize("kind", SECRETS)
@given(data=st.data())
def test_it_is_gone(kind, data):
    secret = str(data.draw(SECRETS[kind]))
    text = data.draw(AROUND) + secret + data.draw(AFTER)
    if kind in ("other home", "windows home"):
        secret = secret.replace("\\", "/").split("/")[2]
    if kind == "home":
        secret = USER
    once = redactor().text(f"before {text} after")
    assert secret.lower() not in once.lower()
    assert once.startswith("before ") and once.endswith(" after")


@given(st.text(max_size=200))
def test_any_text_and_twice_is_as_once(text):
    once = redactor().text(text)
    assert redactor().text(once) == once


@given(st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda one: st.lists(one)
       | st.dictionaries(st.text(max_size=5), one)))  # fmt: skip
def test_a_record_stays_a_record(value):
    clean = redactor().value(value)
    assert type(clean) is type(value)
    json.dumps(clean)


@given(st.sampled_from(["serial", "Serial Number", "serial_number", "Serial No."]), WORDS)
def test_serials(name, value):
    said = redactor().text(f"{name}: {value}9A1Z")
    assert f"{value}9A1Z" not in said
    assert f"{value}9A1Z" not in json.dumps(redactor().value({"serial": f"{value}9A1Z"}))


STAYS = [
    "0000:03:00.0", "8086:e20b", "26.27.39122.12", "2026.22.10.0.01_160000", "2021.17.2", "xpu:0",
    "truetpot kernels --op linear", "12:34:56", "2026-11-30T17:18:46Z", "std::bad_alloc",
    "606d5c3606d5c3606d5c3606d5c3606d5c3606d5", "/sys/bus/pci/devices/0000:03:00.0/resource",
    "/dev/dri/renderD128", "/usr/lib/x86_64-linux-gnu/libze_intel_gpu.so.1", "127.0.0.1", "::1",
    "GB/s", "linear/opencl.cl", "https://github.com/intel/ipex-llm/issues/13084", "root",
    "1.25e-06",
]  # fmt: skip


@pytest.mark.parametrize("text", STAYS)
def test_what_it_is_for_stays(text):
    assert redactor().text(f"a {text} b") == f"a {text} b"


def test_two_cards_stay_two():
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    taken = redactor()
    assert taken.text(f"{one} {other} {one}") == "<uuid-1> <uuid-2> <uuid-1>"
    assert taken.counts == {"uuid": 2}


def test_private_keys():
    taken = redactor()
    found = taken.value({"uuid": "odd form", "name": "Arc", "hostname": "x", "driver": None})
    assert found == {"uuid": "<uuid-1>", "name": "Arc", "hostname": "<host-1>", "driver": None}
    assert taken.value({"uuid": None, "serial": ""}) == {"uuid": None, "serial": ""}


def test_paths():
    taken = redactor()
    assert taken.text(f'File "{HOME}/src/a.py", line 3') == 'File "~/src/a.py", line 3'
    assert taken.text("/srv/tree/a.py and /srv/trees/a.py") == "<here>/a.py and <path-1>/a.py"
    torch = '"/data/secret/lib/python3.11/site-packages/torch/xpu/graphs.py"'
    assert taken.text(torch) == '"<path-2>/site-packages/torch/xpu/graphs.py"'


def test_a_kernel_command_line():
    line = (
        f"root=UUID={uuid.uuid4()} resume=PARTUUID=9c2a1b7e-02 cryptdevice=/dev/mapper/{HOST}--vg"
    )
    said = redactor().text(line)
    assert (
        said == "root=UUID=<uuid-2> resume=PARTUUID=<uuid-1> cryptdevice=/dev/mapper/<host-1>--vg"
    )


def test_this_machine(tmp_path):
    taken = Redactor.of_this_machine(tmp_path)
    said = taken.text(
        f"{tmp_path}/x/err.txt {Path.home()}/model {ipaddress.ip_address('10.1.2.3')}"
    )
    assert said.startswith("<work>/x/err.txt ")
    assert "10.1.2.3" not in said
