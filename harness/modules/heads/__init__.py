"""Heads: [B, T, D] and the token table [V, D] -> logits [B, T, V]."""
