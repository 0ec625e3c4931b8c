"""Models of PyTorch, TorchScript and ONNX, each behind the same few methods."""
