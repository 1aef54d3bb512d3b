"""Training of evscale's networks: forecaster and policy. Needs the `train` extra (torch, onnx, onnxruntime)."""
