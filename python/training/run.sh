#!/usr/bin/env bash
# The whole recipe of the bundled networks: forecaster, forecasts along workloads, policy, manifest.
set -euo pipefail
traces=${1:?usage: run.sh TRACES RUNS PYTHON} runs=${2:?} python=${3:?}
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$here/.."
mkdir -p "$runs/bundle"
"$python" "$here/train_forecaster.py" --traces "$traces" --out "$runs/forecaster" --minutes "${FORECASTER_MINUTES:-60}" --resume
cp "$runs/forecaster/forecaster.onnx" "$runs/bundle/"
cp "$here/../../models/onnx/policy.onnx" "$runs/bundle/"
"$python" "$here/assemble_bundle.py" "$runs/bundle" --name in-training
"$python" "$here/make_forecast_traces.py" --traces "$traces" --bundle "$runs/bundle" --out "$runs/forecast_traces.npz"
"$python" "$here/train_policy.py" --forecast-traces "$runs/forecast_traces.npz" --out "$runs/policy" --minutes "${POLICY_MINUTES:-20}" --resume
cp "$runs/policy/policy.onnx" "$runs/bundle/"
"$python" "$here/assemble_bundle.py" "$runs/bundle" --name trained
echo "the new bundle is in $runs/bundle"
