"""How softmax(QK^T)V and products with matrices are computed, and which way where.

`attend` chooses: read it first. `reference` is attention written out, which tests hold every other way to;
`scaled_dot_product` is torch's kernel, over all keys or under a mask; `one_query` decodes; `rectangles` and `diagonals`
skip the pairs that a sparse pattern hides. `products` chooses the library of a product with a matrix. Thresholds stand
in `harness.tuning`, and what torch does not publish in `torch_private`.
"""
