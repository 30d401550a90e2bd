"""What `tests/benchmarks/serve.py` measures ours against; each module is run in a process of its own."""
