"""How large a fresh model's activations and gradients are, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from harness.modules.decoder import Decoder


def scales(model: Decoder, words: Tensor) -> dict[str, Any]:
    """One pass forward and back on the loss of the next word.

    Args:
        model: L blocks; its gradients are put to None afterwards.
        words: token ids, [B, T + 1].

    Returns:
        loss: mean cross entropy in nats.
        stream: root mean square of the residual stream over sequences, tokens and channels: into the first block, and
            behind each block, L + 1 numbers.
        weight_gradients: norm of the loss's gradient by all parameters of each block, L numbers.
        stream_gradients: norm of the loss's gradient by what each block reads, [B, T, D], L numbers.
    """
    from torch.nn.functional import cross_entropy

    inputs: list[Tensor] = []
    outputs: list[Tensor] = []

    def before(module: object, arguments: tuple[Any, ...]) -> None:
        arguments[0].retain_grad()
        inputs.append(arguments[0])

    def after(module: object, arguments: tuple[Any, ...], output: Tensor) -> None:
        outputs.append(output)

    hooks = [layer.register_forward_pre_hook(before) for layer in model.layers]
    hooks.append(model.layers[-1].register_forward_hook(after))
    try:
        loss = cross_entropy(model(words[:, :-1]).flatten(0, 1), words[:, 1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    finally:
        for hook in hooks:
            hook.remove()
    found = {
        "loss": loss.item(),
        "stream": [x.detach().square().mean().sqrt().item() for x in (*inputs, *outputs)],
        "weight_gradients": [_norm([p.grad for p in layer.parameters()]) for layer in model.layers],
        "stream_gradients": [_norm([x.grad]) for x in inputs],
    }
    model.zero_grad(set_to_none=True)
    return found


def _norm(gradients: list[Tensor | None]) -> float:
    """Root of the sum of squares, added up in float64: squares of gradients that explode leave float32."""
    squares = [gradient.double().square().sum().item() for gradient in gradients if gradient is not None]
    return float(sum(squares) ** 0.5)
