"""``truetpot fleet`` from its command line."""

import json

from tests.fleet.made import Fleet, name_of


def test_from_the_command_line(cli, tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    slow = {(2, 0, "bandwidth", "read", -1): 0.8}
    Fleet(machines=20, cards=1, factors=slow, failed=frozenset({4})).write(folder)
    table, file = tmp_path / "fleet.csv", tmp_path / "fleet.json"
    done = cli("fleet", folder, "--csv", table, "--json", file)
    assert done.code == 1
    assert "20 machines by 20 records: 1 fail, 19 pass" in done.out
    assert "Outliers among equal cards: 1" in done.out and name_of(2) in done.out
    assert len(table.read_text().splitlines()) == 1 + 20 * 5
    assert json.loads(file.read_text())["kind"] == "fleet"
    healthy = cli("fleet", *sorted(folder.glob("node000[5-9]*")), "--all")
    assert healthy.code == 0 and "Figures" in healthy.out and name_of(5) in healthy.out
    assert cli("fleet", tmp_path / "gone").code == 2
    refused = cli("fleet", file, folder, "--json", file)
    assert refused.code == 2
