"""In an environment that asv finds, results go under a commit only if that is what is imported."""

import pytest

from benchmarks.commit import named

BENCH = "Floor.*arc-a770.*sym_int4"
QUICK = ("-a", "rounds=1")


def stored(project):
    return [*project.path.glob(".asv/results/*/*-existing*.json")]


@pytest.fixture
def commits(clone):
    """What is imported here, then a commit in which a kernel is another one."""
    same = clone.commit("as it is imported")
    kernel = clone.path / "kernels" / "add" / "torch.py"
    kernel.write_text(kernel.read_text() + "\n# faster\n")
    return same, clone.commit("another kernel")


def test_the_commit_that_is_imported_is_stored(clone, commits):
    same, _ = commits
    done = clone.run(same, BENCH, *QUICK)
    assert done.code == 0, done.said
    assert len(stored(clone)) == 1
    assert clone.results(same)


@pytest.mark.parametrize("name", ["HEAD", "main", "the hash"])
def test_another_commit_is_refused(clone, commits, name):
    _, other = commits
    done = clone.run(other if name == "the hash" else name, BENCH, *QUICK)
    assert done.code != 0
    assert "is not what is measured: the package imported from" in done.said
    assert "differs from that commit in kernels/add/torch.py." in done.said
    assert stored(clone) == []


def test_a_file_that_one_of_them_lacks_is_a_difference(clone, commits):
    (clone.path / "kernels" / "add" / "mine.py").write_text("")
    clone.git("checkout", "-q", commits[0])
    more = clone.commit("one more")
    done = clone.run(more, BENCH, *QUICK)
    assert done.code != 0
    assert "kernels/add/mine.py" in done.said
    assert stored(clone) == []


def test_without_a_name_nothing_is_stored_and_nothing_refused(clone, commits):
    done = clone.asv("run", "--python=same", "--bench", BENCH, *QUICK)
    assert done.code == 0, done.said
    assert stored(clone) == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (["python", "-m", "asv", "run", "--set-commit-hash", "abc"], "abc"),
        (["/env/bin/python3", "/env/bin/asv", "run", "--set-commit-hash=abc", "--quick"], "abc"),
        (["asv", "run", "--set-c", "abc"], "abc"),
        (["asv", "run", "--show-stderr", "--python=same"], None),
        (["make", "--set-commit-hash", "abc"], None),
        (["asv", "run", "--set-commit-hash"], None),
        ([], None),
    ],
)
def test_what_a_command_line_names(line, name):
    assert named([["sh"], line, ["init"]]) == name


def test_a_clone_without_a_local_main_has_a_branch(clone, commits):
    clone.git("checkout", "-q", "--detach", commits[0])
    clone.git("branch", "-q", "-D", "main")
    done = clone.run("HEAD", BENCH, *QUICK)
    assert done.code == 0, done.said
    assert len(stored(clone)) == 1
    for command in (["publish"], ["compare", "HEAD", "HEAD"]):
        done = clone.asv(*command)
        assert done.code == 0, done.said
