#!/bin/bash
# Slurm's Prolog (slurm.conf: Prolog=/etc/slurm/prolog.d/truetpot.sh): a node whose card cannot be trusted
# gets no job. It looks and measures nothing, in about a second: a measurement belongs into validate.sh, as one
# slow sample would drain a healthy node. Slurm drains the node where this exits with another code than 0.
#
#   TRUETPOT          the program; Slurm's PATH is short
#   TRUETPOT_RECORDS  folder of the records, one a node and day, for truetpot fleet

set -u
program=${TRUETPOT:-/opt/truetpot/bin/truetpot}
records=${TRUETPOT_RECORDS:-/var/spool/truetpot}
node=${SLURMD_NODENAME:-$(uname -n)}

tell() { logger -t truetpot -- "$1" 2>/dev/null || echo "truetpot: $1" >&2; }

mkdir -p "$records"
timeout 60 "$program" doctor --no-check --json "$records/$node-doctor-$(date -u +%Y%m%d).json" >/dev/null 2>&1
code=$?
case $code in
    0) ;;
    1) tell "$node: doctor says bad, see $records; no job until it is mended"; exit 1 ;;
    *) tell "$node: doctor ended with $code and has not looked" ;; # no fault of a card
esac
exit 0
