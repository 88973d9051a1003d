"""Multi-token prediction: hidden states [B, T, D] and the embeddings of later tokens -> further hidden states."""
