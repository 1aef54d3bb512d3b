#!/usr/bin/env bash
# Both networks trained without one source of traces, for each source: RUNS/without_SOURCE/bundle. What strangers will see is
# how such a bundle does on the source that it has not seen.
set -euo pipefail
traces=${1:?usage: leave_one_out.sh TRACES RUNS PYTHON} runs=${2:?} python=${3:?}
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$here/.."
for beginnings in ${SOURCES:-servegen_ azure_ nab_ nasa_,pems_,melbourne_,capital_,grid_}; do
  folder="$runs/without_${beginnings%%_*}"
  mkdir -p "$folder/bundle"
  [ -f "$folder/forecaster.onnx" ] || "$python" "$here/train_forecaster.py" --traces "$traces" --out "$folder" \
    --leave-out "$beginnings" --seed 11 --minutes "${FORECASTER_MINUTES:-9}" --threads 1
  cp "$folder/forecaster.onnx" "$folder/bundle/"
  cp "$here/../../models/onnx/policy.onnx" "$folder/bundle/"
  "$python" "$here/assemble_bundle.py" "$folder/bundle" --name in-training
  [ -f "$folder/forecast_traces.npz" ] || "$python" "$here/make_forecast_traces.py" --traces "$traces" --bundle "$folder/bundle" \
    --leave-out "$beginnings" --out "$folder/forecast_traces.npz"
  "$python" "$here/train_policy.py" --forecast-traces "$folder/forecast_traces.npz" --out "$folder/policy" --seed 1 \
    --minutes "${POLICY_MINUTES:-8}" --threads 1 --resume
  cp "$folder/policy/policy.onnx" "$folder/bundle/"
  "$python" "$here/assemble_bundle.py" "$folder/bundle" --name "without-${beginnings%%_*}"
  rm "$folder/forecast_traces.npz"
  echo "$beginnings: $folder/bundle"
done
