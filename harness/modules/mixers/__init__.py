"""Mixers: [B, T, D] -> [B, T, D].

Each is made of its choice, the dims and the choices of its layer; `forward(x, step)` computes it, and
`new_state(room)` makes what it keeps between passes, or None.
"""
