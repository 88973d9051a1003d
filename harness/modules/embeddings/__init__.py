"""Embeddings: [B, T] of token ids -> [B, T, D]."""
