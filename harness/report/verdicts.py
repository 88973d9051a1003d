"""The words for what comes of a claim."""

from __future__ import annotations

from dataclasses import dataclass

CONTRADICTED = "contradicted"
PARTLY = "partly"
UNDECIDED = "undecided"
SUPPORTED = "supported"
AS_FAR = "supported as far as checked"
NOT_MEASURED = "not measured"
NOT_CHECKABLE = "not checkable here"

VERDICTS = {
    CONTRADICTED: "nothing of it holds",
    PARTLY: "some of it holds, or for some of the specs",
    UNDECIDED: "the measurement shows no difference beyond its noise, or its seeds do not agree",
    SUPPORTED: "all of it holds",
    AS_FAR: "what can be checked of it holds; the rest is named",
    NOT_MEASURED: "a result that decides it is not stored; the command that measures it is named",
    NOT_CHECKABLE: "nothing that this program computes can decide it; why is named",
}
"""Every verdict with what it means, in the order in which they are shown."""


@dataclass(frozen=True)
class Finding:
    """A verdict, and the numbers that it comes from, in words."""

    verdict: str
    evidence: str
