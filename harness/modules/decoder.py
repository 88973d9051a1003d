"""The model around the choices. It asks every choice for its module and branches on none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.positions import Position
from harness.choices.positions.none import NoPosition
from harness.modules import computed_by
from harness.modules.context import Context
from harness.modules.generation import generate
from harness.modules.positions import Places, PositionModule
from harness.modules.states import Cache, Room
from harness.modules.step import LayerStep
from harness.spec.model import Spec


class Decoder(nn.Module):
    """A decoder-only language model: token ids [B, T] -> logits [B, T, V]."""

    def __init__(self, spec: Spec, *, mtp: bool = False) -> None:
        super().__init__()
        dims, model = spec.dims, spec.choices
        layers = [spec.layer(index) for index in range(dims.num_layers)]
        self.spec = spec
        self.embedding = computed_by(model.embedding)(model.embedding, dims, model)
        schemes: dict[object, int] = {}
        self.positions = nn.ModuleList()
        for choices in (model, *layers):
            if (scheme := _scheme(choices)) not in schemes:
                schemes[scheme] = len(schemes)
                self.positions.append(computed_by(scheme[0])(scheme[0], dims, choices))
        self.layer_positions = [schemes[_scheme(choices)] for choices in layers]
        self.layers = nn.ModuleList(
            computed_by(choices.residual)(choices.residual, dims, choices) for choices in layers
        )
        self.final_norm = nn.Sequential(
            *(computed_by(model.norm)(model.norm, dims.hidden_size) for _ in range(model.residual.final_norms))
        )
        self.head = computed_by(model.head)(model.head, dims)
        self.mtp = nn.ModuleList(computed_by(model.mtp)(model.mtp, dims, layers[-1]) if mtp else [])
        self.find_context: Callable[[Tensor, Tensor | None], Context] | None = None
        """Of a checkpoint whose tokens say what is context: finds it in token numbers, for so much padding."""

    def forward(
        self,
        input_ids: Tensor,
        *,
        context: int | Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
        padding: Tensor | None = None,
        last: int | None = None,
    ) -> Tensor:
        """Logits of the next token at every place.

        Args:
            input_ids: tokens, [B, T]; or real vectors that are multiplied by the token table, [B, T, V].
            context: how many leading tokens are context, which a prefix pattern reads in both directions; a
                number, or one a sequence, [B]. Left out, that of the passes before, or as the tokens of a checkpoint
                say, or none.
            position_ids: what the position scheme is told instead of the places, [T] or [B, T]; for two-dimensional
                rotary positions [2, T] or [B, 2, T].
            cache: what the layers kept of the tokens before; it is brought up to date.
            padding: how many columns of padding stand in front of each sequence, [B]; a cache brings its own.
            last: logits of only so many places at the end; None for all.

        Returns:
            Logits, [B, T, V], or [B, last, V].

        Raises:
            HarnessError: the context is left out, and a checkpoint that reads one does not find it.
        """
        hidden, _ = self._hidden(input_ids, context, position_ids, cache, padding)
        return self._logits(self.final_norm(hidden if last is None else hidden[:, -last:]))

    def predictions(self, input_ids: Tensor) -> list[Tensor]:
        """Logits of the next token at every place, and of every further one that multi-token prediction adds.

        Args:
            input_ids: tokens, [B, T].

        Returns:
            [B, T, V] for the next token, [B, T - k, V] for the one that stands k further on: the last k places have
            no embedding of a token k further on to be joined with. None for a k that leaves no place.
        """
        hidden, places = self._hidden(input_ids)
        hidden = self.final_norm(hidden)  # as engines that run DeepSeek-V3's release hand it on
        logits = [self._logits(hidden)]
        layer = len(self.layers) - 1
        scheme = self._position(self.layer_positions[layer])
        further: Any = self.mtp[: int(input_ids.shape[1]) - 1]
        for depth, module in enumerate(further, start=1):
            places = Places(places.queries[:-1], places.end - 1)
            embedded = self.embedding(input_ids[:, depth:], self._position(0), places)
            step = LayerStep(places, scheme, scheme.tables(places), 0, None, None, layer)
            hidden = module(hidden[:, :-1], embedded, step)
            logits.append(self._logits(module.final_norm(hidden)))
        return logits

    def _hidden(
        self,
        input_ids: Tensor,
        context: int | Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
        padding: Tensor | None = None,
    ) -> tuple[Tensor, Places]:
        """What the last layer gives, [B, T, D], and where the tokens stand; see `forward`."""
        start = cache.length if cache else 0
        end = start + int(input_ids.shape[1])
        columns = torch.arange(start, end, device=input_ids.device)
        padding = cache.padding if cache else padding
        queries = columns if padding is None else columns - padding[:, None]
        found = self._context(context, input_ids, cache, padding)
        places = Places(queries, end, found.length, position_ids, padding, found.mask)
        tables = [self._position(index).tables(places) for index in range(len(self.positions))]
        x = self.embedding(input_ids, self._position(0), places)
        for index, layer in enumerate(self.layers):
            scheme = self.layer_positions[index]
            state = cache.layers[index] if cache else None
            kept = state.of_sublayers if state else (None, None)
            x = layer(x, LayerStep(places, self._position(scheme), tables[scheme], start, *kept, layer=index))
            if state and state.length != end:
                raise RuntimeError(f"layer {index} kept {state.length} of {end} columns: it ignores its state")
        if cache:
            cache.length, cache.context = end, found
        return x, places

    def _logits(self, normalised: Tensor) -> Tensor:
        # By keyword: torch's module tracker would take a positional table for an input whose gradient ends the head.
        logits: Tensor = self.head(normalised, table=self.embedding.table.weight)
        return logits

    def new_cache(self, padding: Tensor | None = None, capacity: int = 0, quantised: bool = False) -> Cache:
        """An empty cache for this model.

        Args:
            padding: how many columns stand in front of each sequence of the batch, [B]; None for none.
            capacity: tokens to allocate for at once.
            quantised: whether keys, values and latents are rounded to integers of 8 bits.
        """
        return self.cache_for(Room(padding, capacity, quantised))

    def cache_for(self, room: Room) -> Cache:
        """An empty cache with this room."""
        blocks: Any = self.layers
        return Cache([block.new_state(room) for block in blocks], room.padding)

    def generate(self, input_ids: Tensor, max_new_tokens: int, **options: Any) -> Tensor:
        """Continue sequences; see `harness.modules.generation.generate`."""
        return generate(self, input_ids, max_new_tokens, **options)

    def _context(
        self, told: int | Tensor | None, input_ids: Tensor, cache: Cache | None, padding: Tensor | None
    ) -> Context:
        if told is not None:
            return Context(told)
        if cache and cache.context:
            return cache.context
        return self.find_context(input_ids, padding) if self.find_context else Context()

    def _position(self, index: int) -> PositionModule:
        scheme = self.positions[index]
        assert isinstance(scheme, PositionModule)
        return scheme


def _scheme(choices: Choices) -> tuple[Position, object]:
    """A position scheme, and what else two layers must have in common to share its module: it may depend on the heads.

    None for a layer whose mixer asks for no positions.
    """
    position = choices.position
    if position.in_embedding:
        return position, None
    return (position, choices.mixer) if choices.mixer.uses_position else (NoPosition(), None)
