import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from photochrom.errors import ConfigError, DataError
from photochrom.lab.runs import (
    Difference,
    Spread,
    compared_curves,
    difference_between,
    find_group,
    find_groups,
    pooled_spread,
)

Finished = Callable[..., None]
A, B = (0.71, 0.73, 0.72, 0.74), (0.70, 0.71, 0.72, 0.71)


def between(root: Path, spread: Spread | None = None) -> Difference:
    return difference_between(find_group(root, "q/a"), find_group(root, "q/b"), spread=spread)


def test_paired_interval_is_that_of_scipy(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", B)
    found = between(tmp_path)
    expected = stats.ttest_rel(A, B).confidence_interval(0.95)
    assert found.pairs == 4
    assert found.mean - found.margin == pytest.approx(expected.low)
    assert found.mean + found.margin == pytest.approx(expected.high)
    assert not found.is_beyond_noise


def test_only_common_seeds_are_paired(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", B[2:], first_seed=2)
    found = between(tmp_path)
    assert found.pairs == 2
    assert found.mean == pytest.approx(0.015)


def test_without_common_seeds_means_are_compared_by_welch(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", B, first_seed=10)
    found = between(tmp_path)
    expected = stats.ttest_ind(A, B, equal_var=False).confidence_interval(0.95)
    assert (found.pairs, found.seeds_to_tell) == (0, None)
    assert found.mean - found.margin == pytest.approx(expected.low)


def test_single_seeds_say_nothing_unless_a_spread_is_known(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A[:1])
    finished("q/b", B[:1])
    assert between(tmp_path).margin is None
    margin = between(tmp_path, Spread(0.01, 6)).margin
    # Both sides take the same estimate of 6 degrees of freedom, for which tables of t say 2.447.
    assert margin == pytest.approx(2.447 * math.sqrt(2) * 0.01, rel=1e-3)


def test_untrained_networks_differ_by_their_random_weights(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A, max_epochs=0)
    finished("q/b", B, max_epochs=0)
    found = between(tmp_path)
    expected = stats.ttest_ind(A, B, equal_var=False).confidence_interval(0.95)
    assert found.mean - found.margin == pytest.approx(expected.low)


@pytest.mark.parametrize("accuracies", [(0.7,), (0.7, 0.7)])
def test_without_a_spread_nothing_is_beyond_the_noise(
    finished: Finished, tmp_path: Path, accuracies: tuple[float, ...]
) -> None:
    finished("q/a", accuracies, max_epochs=0)
    finished("q/b", (0.5,) * len(accuracies), max_epochs=0)
    found = between(tmp_path, Spread(0.01, 6))
    assert (found.margin, found.is_beyond_noise) == (None, False)


def test_a_lookup_table_adds_no_spread(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", B[:1], model="lookup_table", optimizer="closed_form", max_epochs=0)
    expected = stats.ttest_1samp(A, B[0]).confidence_interval(0.95)
    found = between(tmp_path)
    assert found.mean + found.margin == pytest.approx(expected.high - B[0])


def test_the_seeds_that_would_tell_find_the_difference_in_four_of_five_tries(
    finished: Finished, tmp_path: Path
) -> None:
    finished("q/a", A)
    finished("q/b", B)
    seeds = between(tmp_path).seeds_to_tell
    assert seeds is not None
    differences = np.subtract(A, B)
    tries = np.random.default_rng(0).normal(differences.mean(), differences.std(ddof=1), (20000, seeds))
    assert np.mean(stats.ttest_1samp(tries, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.04)
    fewer = tries[:, :-1]
    assert np.mean(stats.ttest_1samp(fewer, 0, axis=1).pvalue < 0.05) < 0.81


def test_equal_runs_do_not_differ_at_any_number_of_seeds(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", A)
    assert between(tmp_path) == Difference(0.0, 0.0, 4, None)


def test_spread_is_pooled_over_runs_with_several_seeds(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", B)
    finished("q/c", (0.5,))
    spread = pooled_spread(find_groups(tmp_path)[0])
    expected = math.sqrt((np.var(A, ddof=1) + np.var(B, ddof=1)) / 2)
    assert spread is not None
    assert (spread.deviation, spread.freedom) == (pytest.approx(expected), 6)


def test_groups_hold_all_seeds_and_a_key_with_a_seed_holds_one(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", B[:2])
    (tmp_path / "q" / "begun-seed-0").mkdir()
    (tmp_path / "q" / "begun-seed-0" / "config.json").write_text("{}")
    groups, unfinished, broken = find_groups(tmp_path)
    assert [(group.key, len(group.seeds)) for group in groups] == [("q/a", 4), ("q/b", 2)]
    assert (unfinished, broken) == (["q/begun-seed-0"], [])
    assert len(find_group(tmp_path, "q/a-seed-1").seeds) == 1


@pytest.mark.parametrize("file", ["metrics.json", "best.safetensors"])
def test_a_broken_run_is_told_in_one_line_and_is_in_no_group(finished: Finished, tmp_path: Path, file: str) -> None:
    finished("q/whole", A)
    finished("q/broken", A[:1])
    (tmp_path / "q" / "broken-seed-0" / file).write_text("{")
    groups, unfinished, broken = find_groups(tmp_path)
    assert [group.key for group in groups] == ["q/whole"]
    assert unfinished == []
    assert len(broken) == 1
    assert file in broken[0]


@pytest.mark.parametrize(("figure", "value"), [("val_accuracy", "high"), ("best_epoch", 1.5), ("device", None)])
def test_a_figure_of_another_type_is_told_as_broken(
    finished: Finished, tmp_path: Path, figure: str, value: object
) -> None:
    finished("q/a", A[:1])
    file = tmp_path / "q" / "a-seed-0" / "metrics.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), figure: value}))
    assert find_groups(tmp_path) == ([], [], [f"{file}: broken, {figure} is {value!r}"])


def test_a_run_without_settings_and_an_epoch_that_is_none_are_told(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A[:2])
    settings, history = tmp_path / "q/a-seed-0/config.json", tmp_path / "q/a-seed-1/history.jsonl"
    settings.unlink()
    history.write_text("7\n")
    broken = [f"{settings}: no such file", f"{history}: broken, not a JSON object: 7"]
    assert find_groups(tmp_path) == ([], [], broken)


@pytest.mark.parametrize("name", ["a[0]", "a*", "a?b"])
def test_signs_of_patterns_in_a_name_are_text(finished: Finished, tmp_path: Path, name: str) -> None:
    finished(f"q/{name}", A[:2])
    finished("q/ab", B)
    finished("q/a-seed-0-old", B[:1])
    assert len(find_group(tmp_path, f"q/{name}").seeds) == 2


def test_unknown_run_and_mixed_settings_are_told(finished: Finished, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run"):
        find_group(tmp_path, "q/a")
    finished("q/a", A[:1])
    finished("q/a", A[1:2], first_seed=1, learning_rate=0.5)
    with pytest.raises(ConfigError, match="in more than the seed"):
        find_group(tmp_path, "q/a")


@pytest.mark.parametrize("changes", [{"pictures": "others"}, {"learning_rate": 0.5}])
def test_seeds_that_differ_in_more_than_the_seed_are_not_pooled(
    finished: Finished, tmp_path: Path, changes: dict[str, Any]
) -> None:
    finished("q/a", A[:2])
    finished("q/a", A[2:3], first_seed=2, **changes)
    groups = find_groups(tmp_path)[0]
    assert [(group.key, len(group.seeds)) for group in groups] == [(f"q/a-seed-{seed}", 1) for seed in range(3)]
    with pytest.raises(ConfigError, match="in its pictures" if "pictures" in changes else "in more than the seed"):
        find_group(tmp_path, "q/a")


def test_runs_on_changed_pictures_are_not_compared(
    finished: Finished, tmp_path: Path, photochrom: Callable[..., Any]
) -> None:
    finished("q/a", A)
    finished("q/b", B, pictures="others")
    ended = photochrom("runs", "compare", "q/a", "q/b", "--runs", tmp_path)
    assert (ended.status, ended.out) == (2, "")
    assert "q/a and q/b were scored on different pictures of synthetic: not comparable" in ended.err


def test_curves_of_both_runs_are_drawn(finished: Finished, tmp_path: Path) -> None:
    finished("q/a", A)
    finished("q/b", B)
    drawn = compared_curves([find_group(tmp_path, "q/a"), find_group(tmp_path, "q/b")]).decode()
    assert all(word in drawn for word in ("q/a", "q/b", "validation accuracy"))
