#!/usr/bin/env bash
# What each part of the forecaster's recipe is worth: the same training without it, scored by the whole forecaster.
set -euo pipefail
traces=${1:?usage: ablate_forecaster.sh TRACES RUNS PYTHON [STEPS]} runs=${2:?} python=${3:?} steps=${4:-2000}
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$here/.."
one() { # name, options
	local out="$runs/$1"
	mkdir -p "$out/bundle"
	"$python" "$here/train_forecaster.py" --traces "$traces" --out "$out" --seed 11 --steps "$steps" --threads 1 --resume "${@:2}"
	cp "$out/forecaster.onnx" "$here/../../models/onnx/policy.onnx" "$out/bundle/"
	"$python" "$here/assemble_bundle.py" "$out/bundle" --name "$1"
	"$python" "$here/evaluate_forecaster.py" --traces "$traces" --bundle "$out/bundle" --out "$out/scores.csv" | tee "$out/scores.txt"
}
one whole
one without_lstm --without lstm
one without_transformer --without transformer
one without_coarse --without coarse
one without_generated --generated-rows 0
one without_real --real-rows 0 --generated-share 1
