import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from photochrom import __version__, commands
from photochrom.commands import one_line_failures
from photochrom.lab.evaluation import open_photos
from photochrom.lab.evaluation._photo_files import drawn_by_name
from photochrom.lab.training import RunFolder

Command = Callable[..., Any]
QUICK = ("max_epochs=2", "precision=fp32", "--quiet")


def assert_one_clear_line(ended: Any, *words: str) -> None:
    assert ended.status == 2
    assert "Traceback" not in ended.err
    lines = [line for line in ended.err.splitlines() if line.strip()]
    assert len(lines) == 1, ended.err
    for word in words:
        assert word in ended.err


def test_each_module_of_commands_is_a_command(photochrom: Command) -> None:
    ended = photochrom("--help")
    assert ended.status == 0
    for path in Path(commands.__path__[0]).glob("[!_]*.py"):
        assert re.search(rf"│ {path.stem} ", ended.out), path
    assert "--install-completion" in ended.out


@pytest.mark.parametrize("words", [(), ("colorize",), ("runs",), ("data", "list")])
def test_the_short_option_for_help_is_that_for_help(photochrom: Command, words: tuple[str, ...]) -> None:
    short = photochrom(*words, "-h")
    assert (short.status, short.err) == (0, "")
    assert short.out == photochrom(*words, "--help").out


def test_help_and_package_say_the_same_of_themselves(photochrom: Command) -> None:
    told = " ".join(photochrom("--help").out.split())
    assert str(sys.modules["photochrom"].__doc__) in told
    assert "photos of people" in told


def test_help_groups_commands_in_panels(photochrom: Command) -> None:
    panels = re.split(r"╭─ (\w+) ─+╮", photochrom("--help").out)
    commands = dict(zip(panels[1::2], panels[2::2], strict=True))
    assert list(commands) == ["Options", "Photos", "Study", "Models"]
    for panel, names in {
        "Photos": ("colorize", "serve"),
        "Study": ("train", "data"),
        "Models": ("models", "pack", "average"),
    }.items():
        assert all(re.search(rf"│ {name} ", commands[panel]) for name in names)


def test_the_version_is_told(photochrom: Command) -> None:
    assert photochrom("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("words", [["no-such-command"], ["train", "--no-such-option"], ["evaluate"], ["score"]])
def test_wrong_words_get_a_usage_line_and_status_2(photochrom: Command, words: list[str]) -> None:
    ended = photochrom(*words)
    assert ended.status == 2
    assert "Usage:" in ended.err


def test_settings_and_networks_are_listed(photochrom: Command) -> None:
    ended = photochrom("settings")
    assert "learning_rate" in ended.out
    assert "weirdnet" in ended.out
    assert "Pictures for each step" in ended.out


def test_run_names_are_never_cut(photochrom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from photochrom.commands import _terminal

    name = "wider/" + "kernels-of-many-sizes-" * 5 + "16"
    for is_terminal in (True, False):
        console = Console(highlight=False, soft_wrap=True, width=80, force_terminal=is_terminal, no_color=True)
        monkeypatch.setattr(_terminal, "_out", console)
        with console.capture() as captured:
            _terminal.print_table(["run", "what"], [(name, "many words " * 20)], "a title " * 20)
        assert name in captured.get()
        assert ("many words " * 20).strip() in captured.get() or is_terminal


def test_curves_are_drawn_as_svg_alone(photochrom: Command) -> None:
    assert_one_clear_line(photochrom("runs", "compare", "a", "b", "--curves", "width.png"), "width.png", "*.svg")


def test_experiments_are_listed(photochrom: Command) -> None:
    assert "layers-4" in photochrom("experiment", "list").out


def test_train_predict_score_in_a_row(photochrom: Command, face_folder: Path) -> None:
    data = f"data={face_folder}"
    assert photochrom("train", data, "hidden_channels=8", *QUICK, "--run", "run").status == 0
    assert RunFolder(Path("run")).metrics().parameters == 811
    predicted = photochrom("predict", "run/best.safetensors", "--data", face_folder, "--split", "val")
    assert predicted.status == 0
    assert np.load("estimations-test.npy").shape == (8, 80, 80, 3)
    assert len(list(Path("out").iterdir())) == 8
    scored = photochrom("score", "estimations-test.npy", "estimations-test-names.txt", "--data", face_folder)
    accuracy = RunFolder(Path("run")).metrics().val_accuracy
    assert scored.status == 0
    assert f"{accuracy:.5g}" in scored.out
    assert f"Data set: {face_folder}" in scored.out


def test_what_follows_a_training_reads_its_pictures_at_the_same_size(photochrom: Command, face_folder: Path) -> None:
    train = ["train", f"data={face_folder}", "size=32", *QUICK, "--run", "run", "--test"]
    assert photochrom(*train).status == 0
    assert np.load("estimations-test.npy").shape == (8, 32, 32, 3)
    accuracy = RunFolder(Path("run")).metrics().val_accuracy
    for run in ("run", "run/best.safetensors"):
        assert f" {accuracy:.5g} " in photochrom("evaluate", run, "--data", face_folder).out
    assert f" {accuracy:.5g} " not in photochrom("evaluate", "run", "--data", face_folder, "--size", 80).out
    shutil.copy("run/best.safetensors", "shared.safetensors")
    predict = ["predict", "shared.safetensors", "--data", face_folder, "--split", "val"]
    score = ["score", "estimations-test.npy", "estimations-test-names.txt", "--data", face_folder]
    assert photochrom(*predict, "--size", 32).status == 0
    assert_one_clear_line(photochrom(*score), "(8, 32, 32, 3) cannot be scored against (8, 80, 80, 3)")
    assert f" {accuracy:.5g} " in photochrom(*score, "--size", 32).out
    assert photochrom(*predict).status == 0
    assert np.load("estimations-test.npy").shape == (8, 80, 80, 3)


def test_predict_writes_nothing_among_the_pictures_it_reads(
    photochrom: Command, face_folder: Path, tmp_path: Path
) -> None:
    faces = tmp_path / "variant-2"
    shutil.copytree(face_folder, faces)
    photochrom("train", f"data={faces}", "model=chroma_unet", "width=4", "depth=2", *QUICK, "--run", "run")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words = ["predict", "run", "--data", faces, "--split", "val"]
    for more in (
        ["--out", faces],
        ["--out", faces / "val"],
        ["--out", faces / "new"],
        ["--out", ".", "--variants", 2],
        ["--estimations", faces / "val" / "0.png"],
    ):
        assert_one_clear_line(photochrom(*words, *more), f"lies in {faces}", "--out", "--estimations")
    (tmp_path / "links").symlink_to(faces)
    assert_one_clear_line(photochrom(*words, "--out", "links/val"), "links/val")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert photochrom(*words, "--out", ".").status == 0


def test_pictures_that_a_data_set_links_to_are_not_replaced(
    photochrom: Command, face_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "linked").mkdir()
    for split in ("train", "val", "test"):
        (tmp_path / "linked" / split).symlink_to(face_folder / split)
    ended = photochrom("predict", "study-best", "--data", "linked", "--out", face_folder / "test")
    assert_one_clear_line(ended, f"lies in {face_folder / 'test'}")


def test_a_training_whose_test_would_write_among_the_pictures_does_not_begin(
    photochrom: Command, face_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(face_folder, tmp_path, dirs_exist_ok=True)
    assert_one_clear_line(photochrom("train", "data=.", *QUICK, "--test"), "estimations-test.npy", "--out")
    assert not Path("runs").exists()


def test_evaluate_prints_tables_and_writes_json(photochrom: Command, face_folder: Path) -> None:
    photochrom("train", f"data={face_folder}", "hidden_channels=8", *QUICK, "--run", "run")
    words = ["evaluate", "run/best.safetensors", "--data", face_folder, "--json", "figures/run.json"]
    ended = photochrom(*words)
    assert ended.status == 0, ended.err
    accuracy = RunFolder(Path("run")).metrics().val_accuracy
    assert f"{accuracy:.5g}" in ended.out
    assert f"Overall, on {face_folder}, val" in ended.out
    assert "By skin tone; too few groups to compare" in ended.out
    (figures,) = json.loads(Path("figures/run.json").read_text())
    assert (figures["data"], figures["split"]) == (face_folder.as_posix(), "val")
    assert figures["overall"]["accuracy"] == pytest.approx(accuracy)
    assert figures["decoding"] is None
    groups = figures["by_skin_tone"]["groups"].values()
    assert sum(group["pictures"] for group in groups) == 8
    assert photochrom(*words, "--count", 3).status == 0
    assert photochrom(*words, "--split", "train").status == 0
    assert photochrom(*words).status == 0
    entries = json.loads(Path("figures/run.json").read_text())
    found = [(entry["model"], entry["split"], entry["pictures"]) for entry in entries]
    assert found == [("run/best.safetensors", *rest) for rest in (("val", 3), ("train", 24), ("val", 8))]


def test_a_file_that_holds_something_else_is_not_evaluated_into(photochrom: Command, face_folder: Path) -> None:
    Path("mine.json").write_text('{"precious": 1}')
    ended = photochrom("evaluate", "study-best", "--data", face_folder, "--json", "mine.json")
    assert_one_clear_line(ended, "mine.json", "not a list of evaluations")
    assert Path("mine.json").read_text() == '{"precious": 1}'


def test_evaluate_colors_whole_photos_and_compares_them_with_gray(
    photochrom: Command, face_folder: Path, tiny_network: Path
) -> None:
    words = ["evaluate", "--photos", face_folder, "--model", tiny_network, "--no-faces", "--jobs", 1]
    ended = photochrom(*words, "--limit", 3, "--json", "photos.json", "--sheet", "sheet.jpg")
    assert ended.status == 0, ended.err
    assert "Color, against leaving the photos gray" in ended.out
    (record,) = json.loads(Path("photos.json").read_text())
    assert (record["photos"], record["split"], record["overall"]["photos"]) == (face_folder.as_posix(), "test", 3)
    assert record["product"]["model"] == str(tiny_network)
    assert record["product"]["face_model"] is None
    with Image.open("sheet.jpg") as sheet:
        assert sheet.format == "JPEG"


def test_a_contact_sheet_without_photos_is_not_written(
    photochrom: Command, face_folder: Path, tiny_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photochrom.commands.evaluate._SHEET_PHOTOS", 1)
    shutil.copytree(face_folder / "test", "photos")
    (drawn,) = drawn_by_name(open_photos("photos", "test", None).photos, 1)
    drawn.path.write_bytes(b"")
    words = ["evaluate", "--photos", "photos", "--model", tiny_network, "--no-faces", "--jobs", 1]
    ended = photochrom(*words, "--sheet", "sheet.jpg")
    assert ended.status == 0, ended.err
    assert "sheet.jpg: not written, for all photos that were drawn" in ended.err
    assert not Path("sheet.jpg").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["study-best", "--photos", "lsp"], "name either a MODEL, or --photos"),
        (["--photos", "lsp", "--data", "study"], "--data is for a MODEL alone; --photos names its own sets"),
        (["--photos", "lsp", "--decoding", "mean"], "--decoding is for a MODEL alone; --photos names its own sets"),
        (["study-best", "--model", "scene"], "--model is for --photos alone"),
        (["study-best", "--face-model", "face"], "--face-model is for --photos alone"),
        (["study-best", "--no-faces"], "--faces/--no-faces is for --photos alone"),
        (["study-best", "--jobs", "2"], "--jobs is for --photos alone"),
        (["study-best", "--engine", "ray"], "--engine is for --photos alone"),
        (["study-best", "--address", "auto"], "--address is for --photos alone"),
        (["study-best", "--sheet", "sheet.jpg"], "--sheet is for --photos alone; leave it out for a MODEL"),
    ],
)
def test_networks_and_whole_photos_are_not_mixed(photochrom: Command, words: list[str], message: str) -> None:
    ended = photochrom("evaluate", *words)
    assert ended.status == 2
    assert "Usage:" in ended.err
    assert message in ended.err


def test_whole_photos_that_cannot_be_evaluated_get_one_line(photochrom: Command, face_folder: Path) -> None:
    assert_one_clear_line(photochrom("evaluate", "--photos", "lsp"), "lsp are not on this machine")
    assert_one_clear_line(photochrom("evaluate", "--photos", "auto"), "auto", "no files of whole photos")
    words = ["evaluate", "--photos", face_folder, "--sheet", "sheet.txt"]
    assert_one_clear_line(photochrom(*words), "sheet.txt", "contact sheet")


def test_a_decoding_of_a_network_without_any_gets_one_line(photochrom: Command, face_folder: Path) -> None:
    words = ["evaluate", "study-best", "--data", face_folder, "--decoding", "mean"]
    assert_one_clear_line(photochrom(*words), "no decodings", "mean")


@pytest.mark.slow
def test_experiment_then_report(photochrom: Command, face_folder: Path) -> None:
    ended = photochrom("experiment", "run", "baseline", "max_epochs=1", "--data", face_folder, "--jobs", 2)
    assert ended.status == 0, ended.err
    assert "photochrom report runs" in ended.out
    ended = photochrom("report", "runs", "--out", "report", "--examples", "public")
    assert ended.status == 0, ended.err
    assert Path("report/report.html").is_file()


def test_own_experiment_then_comparison(photochrom: Command, face_folder: Path, trains_here: None) -> None:
    Path("wider.yaml").write_text(
        "question: Is wider better?\nsettings: {max_epochs: 1}\n"
        "runs: {two: {hidden_channels: 2}, four: {hidden_channels: 4}}\n"
    )
    ran = photochrom("experiment", "run", "wider.yaml", "--seeds", "2", "--data", face_folder)
    assert ran.status == 0, ran.err
    assert ran.out.endswith("next: photochrom report runs --out report --experiment=wider.yaml\n")
    assert "wider/two" in photochrom("runs", "list").out
    assert "hidden_channels" in photochrom("runs", "show", "wider/two").out
    compared = photochrom("runs", "compare", "wider/two", "wider/four", "--curves", "curves.svg")
    assert "Settings that differ" in compared.out
    assert "batch_size" not in compared.out
    assert re.search(r"accuracy within 12: [+-]0\.\d+ ± 0\.\d+ over 2 seeds in pairs", compared.out)
    assert Path("curves.svg").is_file()
    assert_one_clear_line(photochrom("runs", "show", "wider/three"), "no finished run", "runs list")


def test_runs_at_several_sizes_are_not_compared(photochrom: Command, face_folder: Path) -> None:
    for size in (16, 32):
        photochrom("train", f"data={face_folder}", f"size={size}", *QUICK, "--run", f"runs/of-{size}")
    for first, second in (("of-16", "of-32"), ("of-32", "of-16")):
        ended = photochrom("runs", "compare", first, second)
        assert_one_clear_line(ended, f"{face_folder} at size 16", f"{face_folder} at size 32", "not comparable")


@pytest.mark.slow
def test_search_ends_with_an_experiment_that_can_be_run(
    photochrom: Command, face_folder: Path, trains_here: None
) -> None:
    words = ("search", "convnet", "max_epochs=1", "--data", face_folder, "--trials", "2", "--jobs", "1")
    ended = photochrom(*words)
    assert ended.status == 0, ended.err
    assert "2 complete" in ended.out
    assert "2 of 2 trials were done before" in photochrom(*words).out
    ran = photochrom("experiment", "run", "runs/convnet/convnet-best.yaml", "--jobs", "1")
    assert ran.status == 0, ran.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--space", "none.yaml"), "no such file"),
        (("--objective", "beauty"), "no objective"),
        (("--engine", "steam"), "no engine"),
        (("--storage", "nonsense"), "storage cannot be used"),
    ],
)
def test_wrong_searches_get_one_line(photochrom: Command, words: tuple[str, ...], complaint: str) -> None:
    assert_one_clear_line(photochrom("search", "convnet", "--data", "synthetic", *words), complaint)


@pytest.mark.slow
def test_failed_job_shows_in_the_status(photochrom: Command, face_folder: Path) -> None:
    words = ["experiment", "run", "baseline", "--data", face_folder, "max_epochs=2", "learning_rate=10", "--jobs", 1]
    ended = photochrom(*words)
    assert ended.status == 2
    assert "lower the learning rate" in ended.err


def test_failed_jobs_do_not_count_as_finished(
    photochrom: Command, face_folder: Path, trains_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from photochrom.lab import executors

    def fail(self: Any, job: Any) -> None:
        self.over.append(executors.TrainingOutcome(job, "diverged"))

    monkeypatch.setattr(executors.LocalExecutor, "start", fail)
    ended = photochrom("experiment", "run", "baseline", "--data", face_folder, "--seeds", 2)
    assert ended.status == 2
    assert "0/200" in ended.err
    assert "0 runs finished, 2 failed" in ended.err


def test_data_check_counts_and_warns(photochrom: Command, face_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (face_folder / "train" / "broken.jpg").write_bytes(b"")
    ended = photochrom("data", "check", "--data", face_folder)
    (face_folder / "train" / "broken.jpg").unlink()
    assert ended.status == 0
    assert "24" in ended.out
    assert "broken.jpg: the file is empty" in caplog.text


def test_data_list_tells_what_is_here(photochrom: Command) -> None:
    ended = photochrom("data", "list")
    assert ended.status == 0
    rows = {row.split("│")[1].strip(): row for row in ended.out.splitlines() if row.startswith("│")}
    assert "non-commercial" in rows["utkface"]
    assert rows["utkface"].endswith("│ no   │")
    assert rows["synthetic"].endswith("│ yes  │")
    assert "path/to/folder" in rows


def test_a_pack_is_named_by_its_set_wherever_that_is_packed_from(
    photochrom: Command, face_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(face_folder, "faces")
    assert photochrom("data", "pack", "faces", "--size", 16).status == 0
    assert Path("faces-packed/pack.json").is_file()
    monkeypatch.chdir("faces")
    assert photochrom("data", "pack", ".", "--size", 16).status == 0
    assert Path("faces-packed/pack.json").is_file()


def test_data_add_tells_what_it_found_and_where_it_lies(photochrom: Command, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.zeros((122, 100, 3), dtype=np.uint8)).save(tmp_path / "pictures" / "S000148.jpg")
    ended = photochrom("data", "add", "pictures")
    assert ended.status == 0
    assert ended.out == f"added congress_portraits: 1 pictures in {os.environ['PHOTOCHROM_DATA']}/congress_portraits\n"
    assert "another selection" in ended.err
    assert_one_clear_line(photochrom("data", "add", "pictures", "--name", "utkface"), "no picture of utkface")
    (tmp_path / "empty").mkdir()
    assert_one_clear_line(photochrom("data", "add", "empty"), "none of the sets", "utkface")


def test_missing_weights_data_and_runs_get_one_line(photochrom: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert_one_clear_line(photochrom("predict", "none.safetensors"), "none.safetensors")
    assert_one_clear_line(photochrom("data", "check", "--data", "./none"), "./none")
    assert_one_clear_line(photochrom("data", "check", "--data", "./empty"), "empty")
    assert_one_clear_line(photochrom("data", "add", "none.tar.xz"), "none.tar.xz")
    assert_one_clear_line(photochrom("report", "none"), "none")
    assert_one_clear_line(photochrom("score", "none.npy", "none.txt"), "none.npy")
    assert_one_clear_line(photochrom("evaluate", "none.safetensors"), "none.safetensors")
    assert_one_clear_line(photochrom("train", "data=study", "--quiet"), "photochrom data add")


@pytest.mark.parametrize("setting", ["kernel_size=4", "learning_rate=-1", "model=nonet", "loss=none", "batch_norm=2"])
def test_option_out_of_range_gets_one_line(photochrom: Command, setting: str) -> None:
    assert_one_clear_line(photochrom("train", setting, *QUICK), setting.partition("=")[0].replace("model", "nonet"))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("depth=7", "at least 128x128"),
        ("initial_weights=none.safetensors", "no such file"),
        ("loss=cross_entropy", "gives no probabilities"),
        ("optimizer=closed_form", "closed form"),
        ("data=study", "'photochrom data download'"),
    ],
)
def test_a_training_that_is_refused_leaves_nothing_but_one_line(
    photochrom: Command, face_folder: Path, setting: str, complaint: str
) -> None:
    ended = photochrom("train", f"data={face_folder}", "model=unet", setting, "--run", "run")
    assert_one_clear_line(ended, complaint)
    assert not Path("run").exists()


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_a_search_on_ray_that_is_not_installed_leaves_nothing(photochrom: Command) -> None:
    ended = photochrom("search", "convnet", "--data", "synthetic", "--engine", "ray")
    assert_one_clear_line(ended, "photochrom[cluster]")
    assert not Path("runs").exists()


@pytest.mark.parametrize("setting", ["model=5", "data=2024"])
def test_number_for_a_name_gets_one_line(photochrom: Command, setting: str) -> None:
    assert_one_clear_line(photochrom("train", setting, *QUICK), setting.partition("=")[2])


def test_two_starts_for_the_settings_get_one_line(photochrom: Command) -> None:
    words = ["train", "--config", "config.json", "--experiment", "baseline/default"]
    assert_one_clear_line(photochrom(*words), "cannot both")


def test_runs_of_other_settings_get_folders_of_their_own(photochrom: Command, face_folder: Path) -> None:
    for setting in ("seed=0", "seed=1"):
        ended = photochrom("train", f"data={face_folder}", setting, *QUICK, "--test")
        assert ended.status == 0, ended.err
        assert "8 pictures colored" in ended.out
    assert len(list(Path("runs/custom").iterdir())) == 2


def test_one_line_for_checkpoints_that_cannot_be_used(photochrom: Command, tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"\x00" * 64)
    assert_one_clear_line(photochrom("predict", "weights.safetensors"), "weights.safetensors")


def test_output_that_cannot_be_written_gets_one_line(photochrom: Command, face_folder: Path, tmp_path: Path) -> None:
    photochrom("train", f"data={face_folder}", *QUICK, "--run", "run")
    (tmp_path / "file").write_text("kept")
    ended = photochrom("predict", "run/best.safetensors", "--data", face_folder, "--out", "file/out")
    assert_one_clear_line(ended, "file")
    assert_one_clear_line(photochrom("train", f"data={face_folder}", *QUICK, "--run", "file/run"), "file")
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")]
)
def test_want_of_memory_gets_one_line(photochrom: Command, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("photochrom.lab.tracking.fit_tracked", fail)
    assert_one_clear_line(photochrom("train", "--quiet"), "out of memory", "batch_size")


def test_other_errors_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="of torch"), one_line_failures():
        raise RuntimeError("an error of torch")


def test_full_disk_gets_one_line(photochrom: Command, face_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photochrom("train", f"data={face_folder}", *QUICK, "--run", "run")
    before = Path("run/metrics.json").read_bytes()

    def full(*_: object) -> None:
        os.write(os.open("/dev/full", os.O_WRONLY), b"x")

    monkeypatch.setattr("photochrom.lab.training._run_folder.write_whole", full)
    assert_one_clear_line(photochrom("train", f"data={face_folder}", *QUICK, "--run", "other"), "No space left")
    assert Path("run/metrics.json").read_bytes() == before
