#!/bin/bash
# Exact figures of the library on an array of SLURM tasks:
#     sbatch --wait examples/slurm.sh && harness merge shards/* --out reports
# A task that was ended goes on where it was when it is submitted again.
#SBATCH --job-name=harness
#SBATCH --array=1-4
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=02:00:00
#SBATCH --signal=B:TERM@60
exec harness run "$@" --metrics exact --processes "${SLURM_CPUS_PER_TASK:-1}" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --out "shards/$SLURM_ARRAY_TASK_ID"
