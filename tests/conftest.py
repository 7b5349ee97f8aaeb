import datetime
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from photochrom.cli import main
from photochrom.coloring.decoding import DECODINGS
from photochrom.coloring.distribution import BIN_CENTERS, BIN_COUNT
from photochrom.coloring.metadata import GraphMetadata
from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.datasets.synthetic import Synthetic
from photochrom.photo import Signer


@pytest.fixture(autouse=True)
def no_data_at_hand(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine has in its data folder must not change what tests see."""
    monkeypatch.setenv("PHOTOCHROM_DATA", str(tmp_path_factory.mktemp("no-data")))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: object, *_: object, **__: object) -> None:
        pytest.fail(f"a test reached for {host!r}")

    monkeypatch.setattr("socket.getaddrinfo", refuse)


class Ended(NamedTuple):
    """What a command ended with."""

    status: int
    out: str
    err: str


@pytest.fixture
def photochrom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """The command, run in an empty folder: called with its words, it gives status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["photochrom", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def only_small_files() -> Callable[[int], AbstractContextManager[None]]:
    """Limits the size of files in bytes, so that a write fails half way, as on a full disk."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited(limit: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def faces() -> Synthetic:
    """A data set that trains in a moment."""
    return Synthetic(train_count=48, val_count=16, test_count=8, size=24)


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Color pictures as files, in the three split folders."""
    root = tmp_path_factory.mktemp("faces")
    pictures = draw_faces(40, seed=5, size=32)
    for split, part in (("train", pictures[:24]), ("val", pictures[24:32]), ("test", pictures[32:])):
        (root / split).mkdir()
        save_pictures(root / split, part)
    return root


class TrainsHere:
    """An executor that trains in this process, for a process takes seconds until it has imported torch."""

    slots = 1

    def __init__(self, *_: object) -> None:
        self.over: list[Any] = []

    def __enter__(self) -> "TrainsHere":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, job: Any) -> None:
        from photochrom.lab.executors import TrainingOutcome  # late: tests of the product run without torch
        from photochrom.lab.training import fit

        fit(job.config, job.folder, device="cpu")
        self.over.append(TrainingOutcome(job))

    def ended(self) -> list[Any]:
        over, self.over = self.over, []
        return over


@pytest.fixture
def trains_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that would train in processes of their own train in this one."""
    monkeypatch.setattr("photochrom.lab.executors.LocalExecutor", TrainsHere)


def save_pictures(folder: Path, pictures: np.ndarray) -> None:
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{index}.png")


_TINY_NETWORK = """
<ir_version: 9, opset_import: ["": 18]>
tiny (float[batch, 1, height, width] gray) => (float[batch, 2, bins, rows, columns] probabilities)
{
    features = Conv<pads = [1, 1, 1, 1]>(gray, kernels)
    bounded = Tanh(features)
    pooled = AveragePool<kernel_shape = [4, 4], strides = [4, 4], ceil_mode = 1>(bounded)
    blue_logits = Conv(pooled, blue_weights, blue_bias)
    red_logits = Conv(pooled, red_weights, red_bias)
    blue = Softmax<axis = 1>(blue_logits)
    red = Softmax<axis = 1>(red_logits)
    axis = Constant<value_ints = [1]>()
    blue_bins = Unsqueeze(blue, axis)
    red_bins = Unsqueeze(red, axis)
    probabilities = Concat<axis = 1>(blue_bins, red_bins)
}
"""

_NETWORK_WITHOUT_PROBABILITIES = """
<ir_version: 9, opset_import: ["": 18]>
gray (float[batch, 1, height, width] gray) => (float[batch, 3, height, width] rgb)
{
    rgb = Concat<axis = 1>(gray, gray, gray)
}
"""


def _save_network(path: Path, text: str, metadata: GraphMetadata, **weights: np.ndarray) -> Path:
    """Write a graph in ONNX's text form as a file; by hand, for an export by torch takes 20 seconds."""
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()
    )
    onnx.helper.set_model_props(model, metadata.as_properties())
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose probabilities have high peaks that differ from place to place, so that any guess has colors."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("networks") / "tiny.onnx"
    metadata = GraphMetadata("tiny", {}, output="probabilities", stride=4, decodings=list(DECODINGS), decoding="within")
    return _save_network(
        path,
        _TINY_NETWORK,
        metadata,
        kernels=rng.normal(scale=1.0, size=(8, 1, 3, 3)),
        blue_weights=rng.normal(scale=3.0, size=(BIN_COUNT, 8, 1, 1)),
        red_weights=rng.normal(scale=3.0, size=(BIN_COUNT, 8, 1, 1)),
        # Somewhat blue or red by itself, for where probabilities say gray there would be nothing to see.
        blue_bias=-100.0 * (BIN_CENTERS + 0.15) ** 2,
        red_bias=-100.0 * (BIN_CENTERS - 0.15) ** 2,
    )


@pytest.fixture(scope="session")
def network_without_probabilities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that gives color at once."""
    path = tmp_path_factory.mktemp("networks") / "gray.onnx"
    return _save_network(path, _NETWORK_WITHOUT_PROBABILITIES, GraphMetadata("gray", {}, output="rgb"))


@pytest.fixture(scope="session")
def certify() -> Callable[..., bytes]:
    """Makes a certificate of a key for itself, in PEM."""

    def certificate(key: Any, *, days: int = 10, allows_signing: bool = True) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "The Album")])
        now = datetime.datetime.now(datetime.UTC)
        usages = [True, *[False] * 8]
        builder = (
            x509.CertificateBuilder(name, name, key.public_key(), 7)
            .not_valid_before(now - datetime.timedelta(days=90))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.KeyUsage(*usages), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        )
        if allows_signing:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(usage, critical=True)
        digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)

    return certificate


@pytest.fixture
def signer(tmp_path_factory: pytest.TempPathFactory, certify: Callable[..., bytes]) -> Signer:
    """Files by which results can be signed."""
    folder, key = tmp_path_factory.mktemp("signer"), ec.generate_private_key(ec.SECP256R1())
    form, hidden = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(certify(key))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, hidden))
    return Signer(str(folder / "certificate.pem"), str(folder / "key.pem"))
