import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from photochrom.lab.experiments import get_run
from photochrom.lab.report import write_report
from photochrom.lab.report._effects import effects_of
from photochrom.lab.report._examples import example_pairs
from photochrom.lab.report._results import Findings, gather
from photochrom.lab.runs import Measured
from photochrom.lab.training import Epoch, RunFolder, RunMetrics


def finished_run(root: Path, key: str, seed: int = 0, accuracy: float = 0.7, **metrics: Any) -> RunFolder:
    """A run as training leaves it, with figures of the test's own."""
    run = get_run(key)
    folder = RunFolder(root / f"{key}-seed-{seed}")
    folder.claim(run.config.varied(seed=seed, data="synthetic"))
    model = models.create(run.config.model, run.config.hyperparameters)
    save_checkpoint(folder.weights, Checkpoint(model))
    epochs = [1, 2] if run.config.optimizer == "sgd" and run.config.max_epochs else []
    row = Epoch(1, train_loss=0.02, train_accuracy=0.5, val_loss=0.02, val_mse=0.02, val_accuracy=accuracy, seconds=1.0)
    folder.write_history([replace(row, epoch=epoch) for epoch in epochs])
    made = RunMetrics(
        epochs=len(epochs),
        best_epoch=len(epochs),
        stopped_by="max_epochs",
        val_accuracy=accuracy,
        val_mse=0.01,
        val_colorfulness=20.0,
        val_true_colorfulness=36.0,
        val_share_out_of_range=0.0,
        val_accuracy_with_wraparound=accuracy,
        parameters=model.parameter_count(),
        seconds=12.0,
        device="cpu",
        precision="32-true",
        threads=1,
        torch="2",
        train_pictures=48,
        val_pictures=16,
    )
    folder.write_metrics(replace(made, **metrics))
    return folder


def finish_runs(root: Path) -> Path:
    """Runs of a few experiments, with three seeds or one."""
    for seed, (default, deep) in enumerate([(0.700, 0.710), (0.701, 0.712), (0.702, 0.711)]):
        finished_run(root, "baseline/default", seed, default)
        finished_run(root, "num_layers/layers-4", seed, deep, val_share_out_of_range=0.25)
    finished_run(root, "kernel_size/kernel-3", 0, 0.6999)
    finished_run(root, "yardsticks/table-mode", 0, 0.76)
    return root


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return finish_runs(tmp_path / "runs")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of these runs, written once over an older one, for a report takes seconds."""
    root = tmp_path_factory.mktemp("written")
    figures = root / "report" / "figures"
    (figures / "drafts").mkdir(parents=True)
    for name in ("gone-curves.svg", "mine.svg"):
        (figures / name).write_text("old")
    older = "![Loss](figures/gone-curves.svg)\n![Drafts](figures/drafts)\n![Lost](figures/lost.jpg)\n"
    (root / "report" / "report.md").write_text(older)
    return write_report(finish_runs(root / "runs"), root / "report", "public").parent


@pytest.fixture(scope="module")
def written_of_odd_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of these runs and of others that are not whole, or of no experiment."""
    root = tmp_path_factory.mktemp("odd")
    runs = finish_runs(root / "runs")
    finished_run(runs, "hidden_channels/channels-8").weights.unlink()
    RunFolder(runs / "weirdnet" / "weirdnet-seed-0").claim(get_run("weirdnet/weirdnet").config)
    broken = finished_run(runs, "preference/preference")
    (broken.path / "metrics.json").write_text("{")
    finished_run(runs, "baseline/default", 7).path.rename(runs / "mine")
    return write_report(runs, root / "report", "public").parent


class _Page(HTMLParser):
    """Where a page's pictures come from, and the text it shows."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.text = ""
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href") and tag != "a"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_of_own_runs_does_not_speak_of_the_study(tmp_path: Path) -> None:
    finished_run(tmp_path / "runs", "baseline/default", 7).path.rename(tmp_path / "runs" / "mine")
    page = write_report(tmp_path / "runs", tmp_path / "report", "public")
    for text in (_Page(page).text, (tmp_path / "report" / "report.md").read_text()):
        assert "mine" in text
        assert "measured again" not in text
        assert "Noise" not in text


def test_page_holds_everything_itself(written: Path) -> None:
    page = _Page(written / "report.html")
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    for text in ("0.71211", "0.70100", "± 0.00100", "#conv_layer 4", "lookup table", "Noise"):
        assert text in page.text, text


def test_figures_of_the_study_stand_beside_ours(written: Path) -> None:
    lines = (written / "report.md").read_text().splitlines()
    row = next(line for line in lines if line.startswith("| #conv_layer 4"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:5] == ["98", "0.01008", "0.71619"]
    assert cells[7] == "**0.71100 ± 0.00100**"
    assert cells[8] == f"{0.711 - 0.71619:+.4f}"
    assert cells[9] == "3"


def test_markdown_shows_only_figures_that_are_there(written: Path) -> None:
    links = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (written / "report.md").read_text())
    assert "figures/baseline-default-curves.svg" in links
    for link in links:
        assert (written / link).is_file(), link


def test_results_have_one_row_a_run(written: Path) -> None:
    rows = json.loads((written / "results.json").read_text())
    assert len(rows) == 8
    assert set(rows[0]) >= {"experiment", "run", "seed", "settings", "epochs", "val_accuracy", "val_mse", "parameters"}
    assert rows[0]["settings"]["learning_rate"] == 0.007


def test_noise_is_shown_with_the_run_that_leaves_the_range(written: Path) -> None:
    assert "25.000 %" in _Page(written / "report.html").text
    assert (written / "figures" / "noise.jpg").is_file()


def test_figures_of_an_older_report_go(written: Path) -> None:
    assert not (written / "figures" / "gone-curves.svg").exists()


def test_files_and_folders_that_no_report_made_stay(written: Path) -> None:
    assert (written / "figures" / "mine.svg").read_text() == "old"
    assert (written / "figures" / "drafts").is_dir()


def test_report_is_written_without_any_shipped_model(written: Path) -> None:
    assert "shipped" not in _Page(written / "report.html").text
    assert "shipped" not in (written / "report.md").read_text()


def test_run_without_weights_is_named_and_the_rest_is_shown(written_of_odd_runs: Path) -> None:
    page = _Page(written_of_odd_runs / "report.html")
    assert "channels-8-seed-0/best.safetensors: no such file" in page.text
    assert "0.71100" in page.text


def test_unfinished_and_broken_runs_are_named_and_the_rest_is_shown(written_of_odd_runs: Path) -> None:
    page = _Page(written_of_odd_runs / "report.html")
    assert "Not finished: weirdnet/weirdnet-seed-0" in page.text
    assert "preference-seed-0/metrics.json" in page.text
    assert "0.71100" in page.text


def test_run_of_no_experiment_is_shown_apart(written_of_odd_runs: Path) -> None:
    assert "mine" in gather(written_of_odd_runs.parent / "runs").others
    assert "Other runs" in _Page(written_of_odd_runs / "report.html").text


WIDER = """
title: Width
question: Is wider better?
compared_with: narrow
runs:
  narrow: {hidden_channels: 2}
  wide: {hidden_channels: 3}
"""


def test_an_experiment_of_the_users_own_is_reported_with_its_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    Path("wider.yaml").write_text(WIDER)
    for seed, (narrow, wide) in enumerate([(0.70, 0.71), (0.71, 0.722), (0.72, 0.731)]):
        finished_run(runs, "wider.yaml/narrow", seed, narrow)
        finished_run(runs, "wider.yaml/wide", seed, wide)
    (runs / "wider.yaml").rename(runs / "wider")
    page = _Page(write_report(runs, tmp_path / "report", "public", experiments=["wider.yaml"]))
    assert "Is wider better?" in page.text
    # By hand: differences of 0.010, 0.012 and 0.011 have a deviation of 0.001, two degrees of freedom, t = 4.303.
    assert "wide against narrow: +0.0110 ± 0.0025 accuracy, beyond the noise." in page.text
    assert "narrow against" not in page.text
    assert page.text.count("Is wider better?") == 1
    assert "measured again" not in page.text
    assert "Other runs" not in page.text


def test_an_experiment_of_the_users_own_changes_no_verdict_on_the_study(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wider.yaml").write_text(WIDER)
    for seed, accuracy in enumerate((0.60, 0.70, 0.80)):  # far noisier than the study's
        finished_run(runs, "wider.yaml/wide", seed, accuracy)
    (runs / "wider.yaml").rename(runs / "wider")

    def verdicts(findings: Findings) -> list[str]:
        return [
            effect.sentence()
            for results in findings.experiments
            if results.experiment.in_study
            for effect in effects_of(results, findings)
        ]

    assert verdicts(gather(runs, beyond=["wider.yaml"])) == verdicts(gather(runs)) != []


def test_a_reference_of_the_users_own_counts_once_in_the_spread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    Path("wider.yaml").write_text(WIDER)
    for seed, accuracy in enumerate((0.699, 0.700, 0.701)):
        finished_run(runs, "wider.yaml/narrow", seed, accuracy)
    finished_run(runs, "wider.yaml/wide", 0, 0.710)
    (runs / "wider.yaml").rename(runs / "wider")
    findings = gather(runs, beyond=["wider.yaml"])
    (effect,) = effects_of(findings.experiments[0], findings)
    # By hand: a deviation of 0.001 with two degrees of freedom. Welch has (1 + 1/3)^2 / (1/2 + 1/18) = 3.2, t = 3.073.
    assert effect.found.margin == pytest.approx(3.073 * 0.001 * (4 / 3) ** 0.5, rel=1e-3)


def test_an_experiment_that_cannot_be_reported_is_told(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("wider.yaml", "baseline.yaml"):
        Path(name).write_text(WIDER)
    with pytest.raises(DataError, match="no finished run of wider with the settings"):
        gather(runs, beyond=["wider.yaml"])
    with pytest.raises(ConfigError, match="two experiments have the name wider"):
        gather(runs, beyond=["wider.yaml", "./wider.yaml"])
    with pytest.raises(ConfigError, match="two experiments have the name baseline"):
        gather(runs, beyond=["baseline.yaml"])


def test_effect_beyond_the_noise_confirms_the_study(runs: Path) -> None:
    study = gather(runs)
    (results,) = [results for results in study.experiments if results.name == "num_layers"]
    (effect,) = effects_of(results, study)
    assert effect.found.mean == pytest.approx(0.010)
    assert effect.found.is_beyond_noise
    # By hand: the differences of three pairs of seeds, of deviation 0.001, have two degrees of freedom, t = 4.303.
    assert effect.found.margin == pytest.approx(4.303 * 0.001 / 3**0.5, rel=1e-3)
    assert "beyond the noise" in effect.sentence()
    assert "The study found it better (+0.0041): that holds here." in effect.sentence()


def test_effect_against_the_study_is_told(tmp_path: Path) -> None:
    for seed, (default, deep) in enumerate([(0.720, 0.710), (0.721, 0.711), (0.722, 0.712)]):
        finished_run(tmp_path, "baseline/default", seed, default)
        finished_run(tmp_path, "num_layers/layers-4", seed, deep)
    study = gather(tmp_path)
    (effect,) = effects_of(study.experiments[1], study)
    assert "that does not hold here" in effect.sentence()


def test_single_seed_is_given_the_pooled_spread_of_the_others(runs: Path) -> None:
    study = gather(runs)
    (results,) = [results for results in study.experiments if results.name == "kernel_size"]
    (effect,) = effects_of(results, study)
    # Pooled by hand: two runs of deviation 0.001 and three seeds give 0.001 with four degrees of freedom. Welch then
    # has (1 + 1/3)^2 / (1/4 + 1/18) = 5.82 degrees, t = 2.465.
    assert effect.found.margin == pytest.approx(2.465 * 0.001 * (4 / 3) ** 0.5, rel=1e-3)
    assert not effect.found.is_beyond_noise
    assert "within the noise" in effect.sentence()
    assert "The study found it worse (-0.0055): an effect of that size is not seen here." in effect.sentence()


def test_small_sure_difference_still_counts_as_the_same(tmp_path: Path) -> None:
    for seed, (plain, tanh) in enumerate([(0.7000, 0.7020), (0.7001, 0.7021), (0.7002, 0.7022)]):
        finished_run(tmp_path, "preference/preference", seed, plain)
        finished_run(tmp_path, "batch_norm_tanh/tanh", seed, tanh)
    study = gather(tmp_path)
    (effect,) = effects_of(study.experiments[1], study)
    assert effect.found.is_beyond_noise
    assert "The study found it same (-0.0015): that holds here." in effect.sentence()


def test_large_effect_of_the_study_that_is_missing_here_is_called_so(tmp_path: Path) -> None:
    for seed, (plain, normed) in enumerate([(0.760, 0.761), (0.761, 0.760), (0.762, 0.762)]):
        finished_run(tmp_path, "preference/preference", seed, plain)
        finished_run(tmp_path, "batch_norm_tanh/batch-norm", seed, normed)
    study = gather(tmp_path)
    (effect,) = effects_of(study.experiments[1], study)
    assert "The study found it worse (-0.1157): an effect of that size is not seen here." in effect.sentence()


def test_quick_look_is_not_taken_for_the_studys_row(runs: Path) -> None:
    quick = RunFolder(runs / "hidden_channels" / "channels-8-seed-0")
    finished_run(runs, "hidden_channels/channels-8")
    settings = json.loads((quick.path / "config.json").read_text())
    (quick.path / "config.json").write_text(json.dumps({**settings, "max_epochs": 3}))
    findings = gather(runs)
    assert "hidden_channels/channels-8-seed-0" in findings.others
    assert findings.find("hidden_channels/channels-8") is None


def test_runs_of_several_data_sets_are_refused(runs: Path) -> None:
    other = finished_run(runs, "hidden_channels/channels-8")
    settings = json.loads((other.path / "config.json").read_text())
    (other.path / "config.json").write_text(json.dumps({**settings, "data": "study"}))
    with pytest.raises(
        DataError, match="several data sets; a report is of one, which --data chooses: study, synthetic"
    ):
        gather(runs)
    with pytest.raises(DataError, match="no finished run on lsp"):
        gather(runs, "lsp")


def test_runs_on_changed_pictures_are_not_reported_together(runs: Path) -> None:
    other = finished_run(runs, "hidden_channels/channels-8")
    save_checkpoint(other.weights, replace(load_checkpoint(other.weights), data={"pictures": "others"}))
    with pytest.raises(
        DataError, match="and hidden_channels/channels-8-seed-0 were scored on different pictures of synthetic"
    ):
        gather(runs)


def test_the_runs_of_one_data_set_can_be_chosen(runs: Path) -> None:
    other = finished_run(runs, "hidden_channels/channels-8")
    settings = json.loads((other.path / "config.json").read_text())
    (other.path / "config.json").write_text(json.dumps({**settings, "data": "study"}))
    assert gather(runs, "study").find("baseline/default") is None
    assert gather(runs, "study").find("hidden_channels/channels-8") is not None
    assert gather(runs, "synthetic").find("hidden_channels/channels-8") is None


def test_runs_at_several_sizes_are_refused(runs: Path) -> None:
    other = finished_run(runs, "hidden_channels/channels-8")
    settings = json.loads((other.path / "config.json").read_text())
    (other.path / "config.json").write_text(json.dumps({**settings, "size": 32}))
    for data in ("", "synthetic"):
        with pytest.raises(DataError, match=r"runs on synthetic at several sizes \(32, usual\); a report is of one"):
            gather(runs, data)


def test_examples_are_read_at_the_size_of_the_runs(face_folder: Path) -> None:
    assert example_pairs("validation", str(face_folder), 16).size == "16x16"
    assert example_pairs("validation", str(face_folder)).size == "80x80"


def test_without_any_spread_nothing_is_claimed(tmp_path: Path) -> None:
    finished_run(tmp_path, "baseline/default", 0, 0.7)
    finished_run(tmp_path, "kernel_size/kernel-3", 0, 0.6)
    study = gather(tmp_path)
    (effect,) = effects_of(study.experiments[1], study)
    assert "its spread is unknown" in effect.sentence()


def test_measured_over_seeds() -> None:
    assert Measured.of([0.1, 0.2, 0.3]).show(2) == "0.20 ± 0.10"
    assert Measured.of([0.1]).show(2) == "0.10"


def test_best_run_is_the_one_of_highest_mean_accuracy(runs: Path) -> None:
    best = gather(runs).best()
    assert best is not None
    assert best.key == "yardsticks/table-mode"


def test_real_faces_are_shown_unless_public_ones_are_asked_for(runs: Path, written: Path, tmp_path: Path) -> None:
    write_report(runs, tmp_path / "report", "validation")
    real, public = (
        np.asarray(Image.open(report / "figures" / "baseline-default-examples.jpg"))
        for report in (tmp_path / "report", written)
    )
    assert real.shape == public.shape
    assert not np.array_equal(real, public)


def test_report_of_nothing_fails_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        write_report(tmp_path / "none", tmp_path / "report")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no finished run"):
        write_report(tmp_path / "empty", tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_whole_photos_are_listed_by_set_and_part(
    weights: Path, ship: Callable[..., None], runs: Path, tmp_path: Path
) -> None:
    ship("scene")
    names = ("chroma_error", "colorfulness_ratio", "color_difference", "accuracy")
    names += ("stray_edges_ratio", "false_color_ratio", "calibration_error", "discrimination")
    figures = {"photos": 40, "error_ratio": 0.8125, **dict.fromkeys(names, 0.5)}
    record = {"photos": "ccp", "split": "test", "limit": None, "product": {"model": "scene"}, "overall": figures}
    parts = {"skin": {**figures, "photos": 9, "error_ratio": 0.25, "discrimination": None}}
    (weights / "photos.json").write_text(json.dumps([{**record, "by_part": parts}]))
    page = _Page(write_report(runs, tmp_path / "report", "public"))
    lines = (tmp_path / "report" / "report.md").read_text().splitlines()
    rest = "0.50 | 0.50 | 0.500 | 0.50 | 0.50 | 0.500"
    assert f"| ccp, test | scene | 40 | 0.50 | **0.812** | {rest} | 0.50 |" in lines
    assert f"| – skin | scene | 9 | 0.50 | **0.250** | {rest} | – |" in lines
    assert "Whole photos, from file to colors" in page.text


def test_unknown_examples_are_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="validation, public"):
        write_report(runs, tmp_path / "report", "secret")


def test_shipped_models_are_measured_side_by_side(
    ship: Callable[..., None], record: Callable[..., None], runs: Path, tmp_path: Path
) -> None:
    ship("study-best")
    ship("face", has_probabilities=True)
    ship("scene")
    record("study-best", accuracy=0.7591, pictures=2000)
    record("face", decoding="within", accuracy=0.8016, chroma_error=8.564, stated=0.7, labels={"old": 6.0, "young": 9})
    page = _Page(write_report(runs, tmp_path / "report", "public"))
    lines = (tmp_path / "report" / "report.md").read_text().splitlines()
    reference, ours = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if "28.19" in line and "**" in line
    )
    assert reference == [
        "study-best",
        "–",
        "2000",
        "**0.7591**",
        "0.00824",
        "28.19",
        "0.971",
        "9.45",
        "6.36",
        "0.75",
        "–",
        "1.25",
        "58.2",
    ]
    assert ours[:4] == ["face", "within (default)", "100", "**0.8016**"]
    assert (ours[7], ours[10], ours[11]) == ("8.56", "0.200", "1.25")
    assert "| dark | 40 | 0.750 | 10.00 | 6.36 | 0.75 |" in lines
    assert "face by label, fairness ratio 1.50:" in lines
    for text in ("0.7591", "0.8016", "8.56", "by label: fairness ratio 1.50", "scene: no figures", "guesses"):
        assert text in page.text, text
    assert all(source.startswith("data:image/") for source in page.sources)
    for name in ("shipped-faces.jpg", "shipped-face-variants.jpg", "shipped-face-reliability.svg"):
        assert f"(figures/{name})" in "".join(lines)
        assert (tmp_path / "report" / "figures" / name).stat().st_size > 1000


def test_broken_figures_of_a_shipped_model_are_named_and_the_report_is_written(
    ship: Callable[..., None], weights: Path, runs: Path, tmp_path: Path
) -> None:
    ship("study-best")
    (weights / "study-best.json").write_text("[{]")
    page = _Page(write_report(runs, tmp_path / "report", "public"))
    assert "study-best.json: not JSON" in page.text
    assert "study-best: no figures" in page.text
    assert "0.71100" in page.text


def test_page_asks_nothing_of_other_places(
    ship: Callable[..., None], record: Callable[..., None], runs: Path, tmp_path: Path
) -> None:
    ship("face", has_probabilities=True)
    record("face", decoding="within", stated=0.7)
    markup = write_report(runs, tmp_path / "report", "public").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//|url\(|@import|<script|<link""", markup)
