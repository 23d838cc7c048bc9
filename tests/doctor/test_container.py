"""Quotas and what a container withholds, on trees that are made: doctor says what is missing."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doctor.made import Made
from truetpot.doctor.finding import Level
from truetpot.doctor.judge_cards import judge_cards
from truetpot.doctor.judge_container import judge_container
from truetpot.doctor.judge_host import judge_software
from truetpot.doctor.machine import look
from truetpot.runtime import cgroup

GROUPS = ("cgroup1", "cgroup2")
"""Both versions."""


def of_container(made, **environment):
    return list(judge_container(look(made.root, environment)))


@pytest.mark.parametrize("version", GROUPS)
def test_a_quota_of_two_and_a_half_of_eight_cores(made, version):
    made.status(cores="0-5,8-9")
    getattr(made, version)(quota=250_000, periods=340)
    inside = look(made.root, {}).container
    assert (inside.allowed_cores, inside.quota_cores, inside.effective_cores) == (8, 2.5, 2.5)
    assert (inside.periods, inside.throttled) == (340, 0)
    (finding,) = of_container(made)
    assert finding.level is Level.WARN
    assert "2.5 of the 8 cores" in finding.what


@pytest.mark.parametrize("version", GROUPS)
def test_a_throttled_period_is_told(made, version):
    made.status(cores="0-1")
    getattr(made, version)(quota=200_000, periods=1340, throttled=12)
    (finding,) = of_container(made)  # the quota is all that may be used: only the wait is told
    assert "withheld in 12 of 1,340 periods" in finding.what
    assert finding.level is Level.WARN


@pytest.mark.parametrize("version", GROUPS)
def test_what_a_check_lost_is_told_apart_from_before(made, version):
    made.status(cores="0-1")
    write = getattr(made, version)
    write(quota=200_000, periods=1000, throttled=40)
    before = look(made.root, {})
    assert list(judge_container(before, before)) == []
    write(quota=200_000, periods=1100, throttled=47)
    (finding,) = judge_container(look(made.root, {}), before)
    assert "withheld in 7 of 100 periods of the quota, while this check ran" in finding.what


@pytest.mark.parametrize("version", GROUPS)
def test_no_quota(made, version):
    made.status(cores="0-7")
    getattr(made, version)()
    inside = look(made.root, {}).container
    assert (inside.quota_cores, inside.memory_bytes, inside.effective_cores) == (None, None, 8)
    assert of_container(made) == []


@pytest.mark.parametrize("version", GROUPS)
def test_a_memory_limit(made, version):
    getattr(made, version)(memory=8 << 30)
    assert look(made.root, {}).container.memory_bytes == 8 << 30
    assert cgroup.read_memory_limit(made.root).left == (8 << 30) - (1 << 20)


def test_the_tightest_group_above_counts(made):
    made.cgroup2("/user.slice", quota=150_000)
    made.cgroup2("/user.slice/deep/down", quota=400_000, memory=2 << 30)
    assert cgroup.read_quota(made.root).cores == 1.5
    assert cgroup.read_memory_limit(made.root).most == 2 << 30


def test_threads_are_no_more_than_the_quota(made, monkeypatch):
    from truetpot.runtime import host

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    assert host.cores() <= 16
    made.cgroup2(quota=250_000)
    monkeypatch.setattr(host, "read_quota", lambda: cgroup.read_quota(made.root))
    assert host.cores() == 3


@pytest.mark.parametrize(
    ("marks", "environment", "kind"),
    [
        ({}, {}, None),
        ({".dockerenv": ""}, {}, "docker"),
        ({"run/.containerenv": ""}, {}, "podman"),
        ({".dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"proc/self/cgroup": "0::/kubepods.slice/pod1"}, {}, "kubernetes"),
        ({"proc/self/cgroup": "4:memory:/docker/0123"}, {}, "docker"),
    ],
)
def test_what_kind_of_container(made, marks, environment, kind):
    for path, text in marks.items():
        made.write(path, text)
    assert look(made.root, environment).container.kind == kind


def access(made, **environment):
    found = judge_cards(look(made.root, environment))
    return [finding for finding in found if finding.about == "access"]


@pytest.mark.parametrize(
    ("mark", "environment", "says"),
    [
        (".dockerenv", {}, "docker run --device /dev/dri"),
        ("run/.containerenv", {}, "podman run --device /dev/dri"),
        (".dockerenv", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "gpu.intel.com/xe"),
        (None, {}, "udev"),
    ],
)
def test_a_container_without_the_device(made, mark, environment, says):
    made.card(1, 0xE20B, made.X8, driver="xe")
    if mark:
        made.write(mark, "")
    assert access(made, **environment) == []
    (made.root / "dev/dri/renderD128").unlink()
    (finding,) = access(made, **environment)
    assert finding.level is Level.BAD
    assert "/dev/dri/renderD128" in finding.what and "is not here" in finding.what
    assert says in finding.do


@contextmanager
def nobody(*groups):
    """Another user than root, who may open everything: os.access asks for the real one."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setresgid(65534, 0, 0)
    os.setresuid(65534, 0, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away and become another")
@pytest.mark.parametrize(
    ("mark", "says"),
    [
        (".dockerenv", "docker run --group-add 992"),
        ("run/.containerenv", "podman run --group-add keep-groups"),
        (None, "usermod -aG render $USER"),
    ],
)
def test_a_process_that_is_not_in_the_group(mark, says):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Made(Path(folder) / "machine")
        made.card(1, 0xE20B, made.X8, driver="xe")
        node = made.root / "dev/dri/renderD128"
        node.chmod(0o660)
        os.chown(node, 0, 992)
        if mark:
            made.write(mark, "")
        with nobody():
            (finding,) = access(made)
        assert finding.level is Level.BAD
        assert "/dev/dri/renderD128" in finding.what and "group 992's" in finding.what
        assert says in finding.do
        with nobody(992):
            assert access(made) == []


@pytest.mark.parametrize("driver", ["i915", "xe"])
def test_one_card_of_several_is_given(made, driver):
    """As Kubernetes' device plugin does it: the others are nobody's fault, and are not judged."""
    made.container()
    made.card(1, 0x56A0, made.X16, driver=driver)
    hot = made.card(0x11, 0x56A0, made.X16, driver=driver)
    where = (
        "tile0/gt0/freq0/throttle/reason_"
        if driver == "xe"
        else "drm/card1/gt/gt0/throttle_reason_"
    )
    made.write(hot / f"{where}thermal", 1)
    machine = look(made.root, {})
    assert len(machine.given) == 2 and of_container(made) != []
    assert [f for f in judge_cards(machine) if f.about == "throttling"]
    (made.root / "dev/dri/renderD129").unlink()
    machine = look(made.root, {})
    assert [card.render for card in machine.given] == ["renderD128"]
    found = list(judge_cards(machine))
    assert not [f for f in found if f.level is Level.BAD]
    (other,) = [f for f in found if f.about == "cards"]
    assert other.level is Level.OK and "0000:13:00.0" in other.what
    assert of_container(made) == []  # nothing that only several cards need


def two_cards(made):
    made.card(1, 0xE211, made.X8, driver="xe")
    made.card(0x11, 0xE211, made.X8, driver="xe")


def test_what_ranks_need_and_dockers_defaults_lack(made):
    made.container()
    made.card(1, 0xE211, made.X8, driver="xe")
    assert of_container(made) == []  # one card needs none of it
    made.card(0x11, 0xE211, made.X8, driver="xe")
    shm, files = of_container(made)
    assert "/dev/shm has 64 MiB" in shm.what and "--shm-size" in shm.do
    assert "CAP_SYS_PTRACE" in files.what and "--cap-add SYS_PTRACE" in files.do


def test_what_ranks_need_is_given(made):
    two_cards(made)
    made.container(shm="16777216k")
    made.status(capabilities=0x00000000A80425FB | 1 << 19)
    assert of_container(made) == []
    made.status(seccomp=0)  # --privileged, or --security-opt seccomp=unconfined
    assert of_container(made) == []


def test_the_exchange_that_is_chosen_decides_what_is_missing(made):
    two_cards(made)
    made.container(shm="16777216k")
    assert of_container(made, CCL_ZE_IPC_EXCHANGE="sockets") == []
    (finding,) = of_container(made, CCL_ZE_IPC_EXCHANGE="drmfd")
    assert "/dev/dri/by-path" in finding.what
    (made.root / "dev/dri/by-path").mkdir()
    assert of_container(made, CCL_ZE_IPC_EXCHANGE="drmfd") == []


def test_outside_of_a_container_nothing_is_withheld(made):
    two_cards(made)
    made.status()
    assert of_container(made) == []


def test_a_container_inside_wsl_needs_windows_libraries_too(made):
    made.wsl(libraries=False)
    (finding,) = judge_software(look(made.root, {}))
    assert finding.level is Level.BAD and "-v /usr/lib/wsl:/usr/lib/wsl" in finding.do
    made.wsl()
    assert list(judge_software(look(made.root, {}))) == []
