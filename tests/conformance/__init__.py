"""PyTorch's operator database against ours: see __main__.py."""
