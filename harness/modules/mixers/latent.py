"""Multi-head latent attention."""

from __future__ import annotations

from copy import copy
from typing import Self

import torch
from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.base import Linear as Product
from harness.choices.mixers.latent import Latent, absorbs
from harness.modules import computed_by, computes
from harness.modules.kernels.attend import attend
from harness.modules.kernels.view import View
from harness.modules.key_values import Codes, QuantisedStore, Store
from harness.modules.layers import Linear
from harness.modules.states import LayerState, Room
from harness.modules.step import LayerStep


class Latents(LayerState):
    """The latent of every token so far, and the part of its keys that all heads share.

    Args:
        room: for what.
        width: of both together.
    """

    length = 0

    def __init__(self, room: Room, width: int) -> None:
        self.store = (QuantisedStore if room.quantised else Store)(room.capacity)
        self.width = width

    @property
    def nbytes(self) -> int:
        """Bytes that they occupy."""
        return self.store.nbytes

    def extend(self, latents: Tensor) -> Tensor:
        """Add those of the next tokens, [B, T, width]; returns those of all, [B, S, width]."""
        start, self.length = self.length, self.length + int(latents.shape[1])
        self.store.write(start, latents[:, :, None])
        held = self.store.read(self.length)
        return (held.expanded() if isinstance(held, Codes) else held)[:, :, 0]

    def rows(self, index: Tensor) -> Self:
        """A copy for a batch whose sequences are those in these rows of this one's, [B']."""
        copied = copy(self)
        copied.store = self.store.rows(index)
        return copied

    def aliased(self) -> Self:
        """One that goes on from here, in the same memory as long as that lasts."""
        copied = copy(self)
        copied.store = copy(self.store)
        return copied

    def reset(self) -> None:
        """Forget all tokens; the memory stays."""
        self.length = 0

    def pretend(self, batch_size: int, columns: int) -> None:
        """Latents of no particular content, on the meta device."""
        self.extend(torch.empty(batch_size, columns, self.width, device="meta"))


@computes(Latent)
class LatentAttention(nn.Module):
    """Makes queries and latents, attends to the keys and values that latents give or to latents, and projects back."""

    def __init__(self, mixer: Latent, dims: Dims, choices: Choices) -> None:
        super().__init__()

        def linear(product: Product) -> Linear:
            return Linear(product.d_in, product.d_out, product.bias)

        norm = choices.norm.model_copy(update={"eps": mixer.norm_eps or choices.norm.eps})
        *down, up = mixer.queries(dims)
        self.query_down = linear(down[0]) if down else None
        self.query_norm = computed_by(norm)(norm, mixer.query_rank) if down else None
        self.query = linear(up)
        self.latent = linear(mixer.latents(dims))
        self.latent_norm = computed_by(norm)(norm, mixer.kv_rank)
        self.key_value = linear(mixer.keys_and_values())
        self.out = linear(mixer.out(dims))
        self.rank, self.own, self.shared, self.values = mixer.kv_rank, mixer.head_dim, mixer.rope_dim, mixer.value_dim
        self.scale = mixer.scale or (mixer.head_dim + mixer.rope_dim) ** -0.5
        self.pattern = choices.pattern

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        queries = self.query(x if self.query_down is None else self.query_norm(self.query_down(x)))  # type: ignore[misc]
        own, turned = torch.split(
            torch.unflatten(queries, -1, (-1, self.own + self.shared)), [self.own, self.shared], -1
        )
        latent, shared = torch.split(self.latent(x), [self.rank, self.shared], -1)
        turned = step.position.rotate(turned, step.tables)
        shared = step.position.rotate(shared[:, :, None], step.tables)[:, :, 0]
        made = torch.cat((self.latent_norm(latent), shared), -1)  # [B, T, c + r]
        state, keys = step.state, step.places.queries
        if state is not None:
            assert isinstance(state, Latents)
            made, keys = state.extend(made), step.places.so_far
        view = View(
            queries=step.places.queries,
            keys=keys,
            context=step.places.context,
            bias=step.position.score_bias(),
            scale=self.scale,
            from_start=step.from_start,
        )
        compute = self._absorbed if absorbs(int(x.shape[1]), step.places.end) and state is not None else self._expanded
        out: Tensor = self.out(compute(own, turned, made, view).flatten(2))
        return out

    def _expanded(self, own: Tensor, turned: Tensor, made: Tensor, view: View) -> Tensor:
        """[B, T, H, n] and [B, T, H, r] over [B, S, c + r] -> [B, T, H, v], by keys and values of every head."""
        latents, shared = torch.split(made, [self.rank, self.shared], -1)
        both = torch.unflatten(self.key_value(latents), -1, (-1, self.own + self.values))
        keys, values = torch.split(both, [self.own, self.values], -1)
        shared = shared[:, :, None].expand(-1, -1, int(own.shape[2]), -1)
        return attend(self.pattern, torch.cat((own, turned), -1), torch.cat((keys, shared), -1), values, view)

    def _absorbed(self, own: Tensor, turned: Tensor, made: Tensor, view: View) -> Tensor:
        """The same with queries that meet the latents, and values that are made of what the weights leave of them."""
        by_head = torch.unflatten(self.key_value.weight, 0, (-1, self.own + self.values))  # [H, n + v, c]
        for_keys, for_values = torch.split(by_head, [self.own, self.values], 1)
        onto_latents = (own[:, 0].transpose(0, 1) @ for_keys).transpose(0, 1)[:, None]  # [B, 1, H, c]
        queries, held = torch.cat((onto_latents, turned), -1), made[:, :, None]
        weighted = attend(self.pattern, queries, held, held[..., : self.rank], view)  # [B, 1, H, c]
        out: Tensor = (weighted[:, 0].transpose(0, 1) @ for_values.mT).transpose(0, 1)[:, None]
        return out

    def new_state(self, room: Room) -> Latents:
        """Room for latents."""
        return Latents(room, self.rank + self.shared)
