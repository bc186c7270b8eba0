# SPDX-License-Identifier: MIT OR Apache-2.0
"""The link benchmark: some cells of it, and that they are as the table says."""

import pytest

from benchmarks.link import BEARERS, OCTETS, TIMES, Cell, Run, cell, main, row

WITHIN = 1.10


@pytest.mark.parametrize(
    ("mode", "octets"), [("a", 14_000), ("c", 5_015), ("dk", 2_546), ("dp", 1_277), ("d", 100)]
)
@pytest.mark.parametrize("bearer", ["SF7, 1 %", "BLE 23", "serial 115200", "AX.25 1200"])
def test_without_loss_each_mode_is_as_quick_and_as_small_as_predicted(mode, octets, bearer):
    found = cell(mode, bearer, 0, 1)
    assert not found.failures()
    assert found.octets() <= octets
    predicted = TIMES.get((mode, bearer, 0))
    assert predicted is None or found.quantile(0.5) <= WITHIN * predicted.p50


@pytest.mark.parametrize("bearer", [name for name in BEARERS if name.startswith("SF")])
def test_hs_k_takes_the_predicted_octets_and_no_more_on_every_lora_setting(bearer):
    found = cell("c", bearer, 0, 1)
    assert found.octets() <= OCTETS["c"]  # 30 more while a POLL was pulled before it could go


@pytest.mark.parametrize("mode", ["a", "c", "dk", "dp"])
@pytest.mark.parametrize("loss", [5, 10, 20])
def test_14_with_loss_the_median_on_lora_stays_within_a_tenth_of_the_prediction(mode, loss):
    found = cell(mode, "SF7, 1 %", loss, 60)
    assert found.quantile(0.5) <= WITHIN * TIMES[mode, "SF7, 1 %", loss].p50


@pytest.mark.parametrize("bearer", ["SF9, 1 %", "AX.25 1200"])
def test_14_hs_r_with_much_loss_is_as_quick_as_predicted_and_leaves_no_side_alone(bearer):
    found = cell("d", bearer, 20, 60)
    assert found.quantile(0.5) <= TIMES["d", bearer, 20].p50
    assert found.quantile(0.9) <= 2 * TIMES["d", bearer, 20].p50
    assert found.one_sided() == 0
    assert not found.failures()


@pytest.mark.parametrize("mode", ["a", "c", "dk", "d"])
def test_a_cable_that_loses_a_fifth_is_within_a_tenth_of_the_prediction(mode):
    found = cell(mode, "serial 115200", 20, 60)
    assert found.quantile(0.5) <= WITHIN * TIMES[mode, "serial 115200", 20].p50


def test_the_same_seed_gives_the_same_run():
    assert cell("c", "SF9, 1 %", 20, 2) == cell("c", "SF9, 1 %", 20, 2)


def test_a_row_says_what_came_to_nothing():
    lost = Run(None, 1, 1, 0.0, why="nothing")
    waiting = Run(None, 1, 1, 0.0, why="R3", one_sided=True)
    text = row(Cell("d", "BLE 23", 0, (lost, waiting, Run(0.2, 100, 3, 0.1))))
    assert "1 came to nothing  1 one-sided" in text
    assert "never" in text


def test_it_prints_a_table_and_takes_no_link_that_there_is_not(capsys):
    assert main(["--runs", "1", "--mode", "d", "--link", "BLE 23"]) == 0
    assert "0 %  0.11 s" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--link", "smoke signals"])
    assert "invalid choice" in capsys.readouterr().err
