"""The claims that come with the program are whole, and mistakes in such a file are told with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.behaviours import behaviours
from harness.errors import SpecError
from harness.notes.claims import BUILT, noted_claims, read_claims
from harness.report.measured_claims import QUESTIONS
from harness.report.notes import FROM_STORED

GOOD = "{id: C001, line: 8, says: it is small, about: [gpt1], check: {is: {params: 1.17e8}}}"


def test_every_claim_is_there_once_and_in_order() -> None:
    assert [claim.id for claim in noted_claims()] == [f"C{number:03}" for number in range(1, 151)]
    lines = [claim.line for claim in noted_claims()]
    assert lines == sorted(lines)


def test_every_behaviour_and_question_is_known() -> None:
    facts = {fact for claim in noted_claims() for fact in claim.check.is_ or ()}
    asked = {claim.check.measured for claim in noted_claims()} - {None}
    assert {fact.removeprefix(BUILT) for fact in facts if fact.startswith(BUILT)} == set(behaviours.names())
    assert asked == set(QUESTIONS)
    assert set(FROM_STORED) == {fact for fact in FROM_STORED if any(fact in str(each.check) for each in noted_claims())}


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (claim,) = read_claims(_file(tmp_path, GOOD))
    assert (claim.id, claim.about, claim.check.is_) == ("C001", ["gpt1"], {"params": 1.17e8})


MISTAKES = [
    (GOOD.replace("gpt1", "gpt11"), "unknown spec 'gpt11'; allowed: .*did you mean 'gpt1'"),
    (GOOD.replace("params:", "parms:"), "unknown fact 'parms'; .*did you mean 'params'"),
    (GOOD.replace("is: {params: 1.17e8}", ""), "check: found nothing; expected exactly one of is, less, differ"),
    (GOOD.replace("1.17e8}", "1.17e8}, measured: it"), "check: found is, measured; expected exactly one of"),
    (GOOD.replace("1.17e8", "[1, 2]"), "found 2 values for 1 specs; expected one for each"),
    (GOOD.replace("line: 8", "line: eight"), r"line: found 'eight' \(text\), expected a whole number"),
    (GOOD.replace("line: 8, ", ""), "missing key 'claims.0.line'"),
    (GOOD.replace("line", "lines"), "unknown key 'claims.0.lines'; allowed: .*did you mean 'line'"),
    (GOOD.replace("C001", "1"), "id: found 1"),
    (GOOD.replace("C001", "D01"), "id: found 'D01', expected C and three digits"),
    (f"{GOOD}\n- {GOOD}", "id 'C001' is already that of line 2"),
    (
        GOOD.replace("is: {params: 1.17e8}", "less: {than: gpt1, of: [speed]}"),
        "unknown figure 'speed'; allowed: params",
    ),
    (
        GOOD.replace("is: {params: 1.17e8}", "differ: {from: gpt1, in: [norms]}"),
        "unknown axis, option or size 'norms'; .*did you mean 'norm'",
    ),
    (GOOD.replace("1.17e8", "!!python/name:os.system x"), "tags, anchors and aliases are not allowed"),
]


@pytest.mark.parametrize(("entry", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_place(entry: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=message) as error:
        read_claims(_file(tmp_path, entry))
    assert all(problem.line >= 2 for problem in error.value.problems)


def _file(folder: Path, entries: str) -> Path:
    path = folder / "claims.yaml"
    path.write_text(f"claims:\n- {entries}\n")
    return path
