"""An archive of a stranger is read, or refused in one sentence."""

import io
import json
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import SPECIAL, TEXTS, refused, special_files
from truetpot.contact import archive
from truetpot.contact.archive import MANIFEST, read_archive, write_archive
from truetpot.errors import UserError
from truetpot.records.contact import ContactRecord
from truetpot.records.doctor import DoctorRecord
from truetpot.records.store import as_text

RECORD = ContactRecord(
    started="2026-11-30T17:00:00Z", command="truetpot contact", truetpot="0.1.0", python="3.11",
    os="Linux", partial=False, device="xpu:0", devices=[], steps=[], files=[], redacted={},
)  # fmt: skip
TEXT = as_text(RECORD)


def packed(path, files):
    """A ZIP archive of (name, content) in that order, names as they are given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files:
            out.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "a.zip"
    write_archive(path, RECORD, {"doctor/err.txt": b"one\n", "doctor/record.json": b"{}"})
    return path


def test_there_and_back(good):
    found = read_archive(good)
    assert found.manifest == RECORD
    assert found.text("doctor/err.txt") == "one\n"
    assert found.text("doctor/out.txt") == ""


def test_the_same_run_is_the_same_file(good, tmp_path):
    again = tmp_path / "b.zip"
    write_archive(again, RECORD, {"doctor/err.txt": b"one\n", "doctor/record.json": b"{}"})
    assert again.read_bytes() == good.read_bytes()


def test_a_record_is_read_by_its_type(good):
    found = read_archive(good)
    assert "record.json" in refused(lambda: found.record("doctor", DoctorRecord))
    assert "left no record" in refused(lambda: found.record("decode", DoctorRecord))


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../../x", "a/b/c", "C:x", "a\\..\\x", "\x1b[2J", ".hidden", "a/..",
     "con\n", "a" * 300],
)  # fmt: skip
def test_names_that_lead_elsewhere(tmp_path, name):
    path = packed(tmp_path / "a.zip", [(MANIFEST, TEXT), (name, "x")])
    said = refused(lambda: read_archive(path))
    assert "none of ours" in said or "ZIP" in said


def test_a_name_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = packed(tmp_path / "a.zip", [(MANIFEST, TEXT), (MANIFEST, TEXT)])
    assert "none of ours" in refused(lambda: read_archive(path))


def test_folders_of_somebody_who_packed_it_again(tmp_path):
    path = packed(tmp_path / "a.zip", [("doctor/", ""), (MANIFEST, TEXT), ("doctor/err.txt", "x")])
    assert [*read_archive(path).files] == ["doctor/err.txt"]


def test_too_many(tmp_path):
    files = [(f"f{i}", "") for i in range(archive.MOST_FILES + 1)]
    path = packed(tmp_path / "a.zip", files)
    assert "more than" in refused(lambda: read_archive(path))


def test_a_bomb(tmp_path):
    """A thousandth of its size on disk."""
    path = packed(tmp_path / "a.zip", [("f", bytes(archive.MOST_FILE_BYTES + 1))])
    assert path.stat().st_size < archive.MOST_FILE_BYTES // 500
    assert "larger than what is read" in refused(lambda: read_archive(path))


def test_all_together_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 20_000)
    path = packed(tmp_path / "a.zip", [(f"f{i}", bytes(9_000)) for i in range(3)])
    assert "larger than what is read" in refused(lambda: read_archive(path))


def test_a_directory_that_lies_about_a_size(tmp_path):
    path = packed(tmp_path / "a.zip", [(MANIFEST, TEXT), ("f", bytes(100_000))])
    raw = path.read_bytes().replace(struct.pack("<I", 100_000), struct.pack("<I", 10))
    path.write_bytes(raw)
    assert "ZIP archive that can be read" in refused(lambda: read_archive(path))


@pytest.mark.parametrize("kind", TEXTS)
def test_other_files(tmp_path, kind):
    path = tmp_path / "a.zip"
    path.write_bytes(TEXTS[kind])
    refused(lambda: read_archive(path))


@pytest.mark.parametrize("kind", TEXTS)
def test_other_manifests(tmp_path, kind):
    path = packed(tmp_path / "a.zip", [(MANIFEST, TEXTS[kind])])
    refused(lambda: read_archive(path))


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_files(tmp_path, kind):
    files = special_files(tmp_path)
    refused(lambda: read_archive(files[kind]))


def test_without_a_manifest(tmp_path):
    assert MANIFEST in refused(lambda: read_archive(packed(tmp_path / "a.zip", [("f", "x")])))


def test_of_another_version(tmp_path):
    other = json.dumps(json.loads(TEXT) | {"schema_version": 99})
    path = packed(tmp_path / "a.zip", [(MANIFEST, other)])
    assert "schema_version" in refused(lambda: read_archive(path))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged(good, place, byte, cut):
    raw = bytearray(good.read_bytes())
    place %= len(raw)
    if cut:
        del raw[place:]
    else:
        raw[place] = byte
    path = good.with_name("damaged.zip")
    path.write_bytes(raw)
    said = ""
    try:
        read_archive(path)
    except UserError as error:
        said = str(error)
    assert "\n" not in said


def test_an_encrypted_one(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as out:
        out.writestr(MANIFEST, TEXT)
    content = bytearray(raw.getvalue())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag, in the directory
    content[6] |= 1
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert "ZIP archive that can be read" in refused(lambda: read_archive(path))
