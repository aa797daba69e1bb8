"""The process: ONNX Runtime, forks."""
