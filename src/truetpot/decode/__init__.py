"""The decode step: one token of each sequence through a whole model, built from operator contracts.

`program` lists the operators, `fuse` merges what a provider runs as one kernel, `weights` and
`checkpoint` make the parameters, `engine` binds them to kernels on a device, and `fit` says how
much of a model a memory holds. No module here names a kernel.
"""
