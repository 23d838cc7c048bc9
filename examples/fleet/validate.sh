#!/bin/bash
# The acceptance test on many nodes by Slurm, one task a node, each on its own: validate.sh NODES FOLDER [LEVEL]
# FOLDER is on a file system that the nodes share. Afterwards: truetpot fleet FOLDER

set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 NODES FOLDER [quick|medium|long]" >&2
    exit 2
fi
mkdir -p "$2"

# Without SLURM_STEP_NUM_TASKS a task is no rank of a group: every node is validated for itself. A node that
# fails does not end the others (--wait=0, no --kill-on-bad-exit).
# shellcheck disable=SC2016 # the task's own shell expands it
exec srun --nodes="$1" --ntasks-per-node=1 --exclusive --wait=0 bash -c '
    env -u SLURM_STEP_NUM_TASKS "${TRUETPOT:-truetpot}" validate --level "$1" --device all \
        --json "$0/$(uname -n)-$(date -u +%Y%m%dT%H%M%SZ).json"
' "$2" "${3:-quick}"
