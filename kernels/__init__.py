"""The implementations, installed as truetpot.kernels: a folder an operator, a file a provider."""
