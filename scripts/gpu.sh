#!/usr/bin/env bash
# Runs a suite on a GPU machine without network, and packs what is worth bringing back: scores, logs, pages.
#
#   scripts/gpu.sh SUITE DATA OUT [options of `restorebench run`]
#   scripts/gpu.sh small data out --tasks jpeg
#
# DATA is the folder RESTOREBENCH_DATA names. Wheels the machine lacks are taken from .whl/, weights from DATA/weights
# (or RESTOREBENCH_WEIGHTS). Interrupted, the same command goes on. Tests that need a GPU run first.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=$1 data=$(realpath "$2") out=$3
shift 3

if compgen -G ".whl/*.whl" >/dev/null; then
    python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target .site .whl/*.whl
    export PYTHONPATH="$PWD/.site:${PYTHONPATH:-}"
fi
export PYTHONPATH="$PWD:${PYTHONPATH:-}" RESTOREBENCH_OFFLINE=1 RESTOREBENCH_DATA=$data
export RESTOREBENCH_WEIGHTS=${RESTOREBENCH_WEIGHTS:-$data/weights}

mkdir -p "$out"
python3 -m bench doctor || true
python3 -m pytest -q tests/test_gpu.py
python3 -m pytest -s -q tests/performance/test_training.py || true # RESTOREBENCH_PEERS: against the reference
python3 -m bench run "$suite" --device cuda --runs "$out/runs" --site "$out/site" "$@"
tar czf "$out/results.tgz" -C "$out" --exclude=checkpoint.pt --exclude='events.*' runs site
