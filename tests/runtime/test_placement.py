"""What launchers say of a process's placement among the ranks."""

import pytest

from truetpot.errors import UserError
from truetpot.runtime.distributed.placement import PORT, find_placement

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "arc03", "MASTER_PORT": "1234",
}  # fmt: skip
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
}  # fmt: skip
INTEL_MPI = {"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "3", "MPI_LOCALNRANKS": "4"}
SRUN = {
    "SLURM_PROCID": "6", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "2",
    "SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_STEP_NODELIST": "arc[03-04]",
}  # fmt: skip


def test_torchrun():
    placement = find_placement(TORCHRUN)
    assert (placement.rank, placement.size) == (5, 8)
    assert (placement.local_rank, placement.local_size) == (1, 4)
    assert (placement.address, placement.port) == ("arc03", 1234)


@pytest.mark.parametrize(("given", "rank"), [(OPEN_MPI, 1), (INTEL_MPI, 3)])
def test_mpi_on_one_machine_needs_no_address(given, rank):
    placement = find_placement(given)
    assert (placement.rank, placement.size, placement.local_rank) == (rank, 4, rank)
    assert (placement.address, placement.port) == ("127.0.0.1", PORT)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("arc[03-04]", "arc03"), ("arc[7,9],b", "arc7"), ("a,b", "a"), ("n[1-2].x", "n1.x")],
)
def test_srun_meets_at_the_first_node(nodes, first):
    placement = find_placement(SRUN | {"SLURM_STEP_NODELIST": nodes})
    assert (placement.rank, placement.size) == (6, 8)
    assert (placement.local_rank, placement.local_size) == (2, 4)
    assert placement.address == first


def test_a_batch_script_is_no_rank():
    assert find_placement({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}) is None


def test_nothing_and_one_process_alone():
    assert find_placement({}) is None
    assert find_placement(TORCHRUN | {"WORLD_SIZE": "1", "RANK": "0"}) is None


def test_several_machines_without_an_address():
    with pytest.raises(UserError, match="set MASTER_ADDR"):
        find_placement(OPEN_MPI | {"OMPI_COMM_WORLD_LOCAL_SIZE": "2"})


def test_a_number_that_is_none():
    with pytest.raises(UserError, match="WORLD_SIZE='many'"):
        find_placement(TORCHRUN | {"WORLD_SIZE": "many"})
