import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tests run side by side, one process a core."""
    torch.set_num_threads(1)
