"""The page of records is made from their types."""

from pathlib import Path

from msgspec import structs

from truetpot.records.page import FILES, RECORDS, records_page

ROOT = Path(__file__).parents[2]
PAGE = records_page()


def test_the_page_in_docs_is_the_one_that_is_made():
    assert (ROOT / "docs" / "records.md").read_text(encoding="utf-8") == PAGE


def test_every_record_and_every_field_is_in_it():
    for title, kind in {**RECORDS, **FILES}.items():
        section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
        opening = PAGE.split("\n## Every measured record\n")[1].split("\n## ")[0]
        for name in kind.__struct_fields__:
            assert f"| `{name}` |" in section + opening, (title, name)


def test_no_two_sections_have_one_name_and_every_link_leads_to_one():
    titles = [line.lstrip("# ") for line in PAGE.splitlines() if line.startswith("#")]
    assert len(set(titles)) == len(titles)
    anchors = {title.lower().replace(" ", "-") for title in titles}
    links = {part.split(")")[0] for part in PAGE.split("](#")[1:]}
    assert links <= anchors


def test_a_text_beside_a_field_is_in_it():
    for sentence in (
        "| `page` | integer or null | Tokens a page of the cache; null for a contiguous one. |",
        "| `count` | integer | Calls in the measured step. |",  # by msgspec.Meta
        "| `samples_s` | list of number or left out | Every sample, with `--samples`. |",
        "| `graph` | The device replays a captured graph of them. |",
        "| `name` | text | As the driver reports it. |",
    ):
        assert sentence in PAGE, sentence


def test_a_kind_says_its_name():
    for title, kind in RECORDS.items():
        defaults = {field.name: field.default for field in structs.fields(kind)}
        assert defaults["kind"] == title
