"""What stands in the place of a layer's MLP: [B, T, D] -> [B, T, D]."""
