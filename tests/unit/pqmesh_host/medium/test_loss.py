# SPDX-License-Identifier: MIT OR Apache-2.0
"""Loss processes: the rates they promise, in bursts where they promise bursts."""

import random

import pytest

from pqmesh_host.medium.loss import GilbertElliott, Independent, LossModel


def outcomes(model: LossModel, frames: int = 20_000) -> list[bool]:
    path = model.path(random.Random(1))
    return [path.lost() for _ in range(frames)]


def mean_burst(losses: list[bool]) -> float:
    bursts = [len(run) for run in "".join("x" if lost else " " for lost in losses).split()]
    return sum(bursts) / len(bursts)


def test_independent_loss_has_its_rate_and_no_memory() -> None:
    losses = outcomes(Independent(0.2))
    assert sum(losses) / len(losses) == pytest.approx(0.2, abs=0.01)
    assert mean_burst(losses) == pytest.approx(1 / 0.8, abs=0.05)


def test_bursty_loss_has_its_rate_and_its_bursts() -> None:
    model = GilbertElliott(to_bad=0.02, to_good=0.2)
    losses = outcomes(model)
    assert sum(losses) / len(losses) == pytest.approx(model.mean_loss, abs=0.02)
    assert mean_burst(losses) == pytest.approx(5, abs=0.5)


def test_the_same_source_gives_the_same_losses() -> None:
    assert outcomes(GilbertElliott(0.1, 0.3, 0.01, 0.9)) == outcomes(
        GilbertElliott(0.1, 0.3, 0.01, 0.9)
    )


def test_a_model_that_never_leaves_its_state_loses_nothing() -> None:
    assert GilbertElliott(0.0, 0.0).mean_loss == 0.0


@pytest.mark.parametrize("probability", [-0.1, 1.1])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        Independent(probability)
    with pytest.raises(ValueError, match="to_good"):
        GilbertElliott(0.5, probability)
