"""Which demonstrations stand in front of a question, registered with lm-eval by name."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from lm_eval.api.samplers import SAMPLER_REGISTRY, ContextSampler

from harness.errors import HarnessError

Document = dict[str, Any]


class Nested(ContextSampler):  # type: ignore[misc]  # lm-eval is not typed
    """The first n of one list that only the seed decides, so that all questions share their demonstrations.

    The list is balanced: its first documents have different labels, then each label comes once more, and so on, in an
    order drawn anew for every round. Documents without a `label` come in an order drawn once.
    """

    def set_rnd(self, rnd: int | None) -> Nested:
        """Draw the list of a seed."""
        random = Random(rnd)
        drawn = list(self.df)
        random.shuffle(drawn)
        by_label: dict[object, list[Document]] = {}
        for document in drawn:
            by_label.setdefault(document.get("label"), []).append(document)
        self.ordered: list[Document] = []
        while by_label:
            labels = list(by_label)
            random.shuffle(labels)
            self.ordered += [by_label[label].pop(0) for label in labels]
            by_label = {label: rest for label, rest in by_label.items() if rest}
        return self

    def sample(self, n: int, eval_doc: Document | None = None, **kwargs: Any) -> Sequence[Document]:
        """The first n, without the question itself."""
        others = [document for document in self.ordered if document != eval_doc]
        if n > len(others):
            raise HarnessError(f"{n} demonstrations are asked for, and there are {len(others)}")
        return others[:n]


class OfDocument(ContextSampler):  # type: ignore[misc]
    """The first n of the `demonstrations` that the question itself carries, whatever the seed.

    lm-eval tells a sampler the question only if `fewshot_split` is `test_split`.
    """

    def sample(self, n: int, eval_doc: Document | None = None, **kwargs: Any) -> Sequence[Document]:
        """Its first n demonstrations."""
        if eval_doc is None:
            raise HarnessError("a question's own demonstrations need fewshot_split to be test_split")
        own: Sequence[Document] = eval_doc["demonstrations"]
        if n > len(own):
            raise HarnessError(f"{n} demonstrations are asked for, and the question has {len(own)}")
        return own[:n]


SAMPLER_REGISTRY.update(harness_nested=Nested, harness_of_document=OfDocument)
