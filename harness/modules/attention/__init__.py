"""Attention layers: [B, T, D] -> [B, T, D]."""
