"""How patterns are computed without the pairs that they hide.

A module registers a function (pattern, n, row of `harness.tuning`) -> the visible pairs of the places 0, 1, ..., n - 1,
as a `Cover` of `harness.modules.kernels.attend`. A pattern without one is computed under its mask.
"""
