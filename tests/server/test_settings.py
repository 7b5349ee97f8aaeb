import pytest

from photochrom.errors import ConfigError
from photochrom.server.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machines_own_users_need_no_key(host: str) -> None:
    assert Settings(host=host).is_local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "photos.example"])
def test_others_need_a_key(host: str) -> None:
    with pytest.raises(ConfigError, match=r"PHOTOCHROM_API_KEY or --api-key.*--insecure"):
        Settings(host=host)
    assert Settings(host=host, api_key="secret").api_key == "secret"
    assert Settings(host=host, insecure=True).api_key is None


@pytest.mark.parametrize(
    "change",
    [
        {"workers": 0},
        {"queue": 0},
        {"max_upload_mb": -1.0},
        {"max_upload_mb": float("inf")},
        {"max_megapixels": float("inf")},
        {"seconds_a_photo": float("nan")},
        {"keep_hours": 0.0},
        {"keep_minutes": 0.0},
        {"max_photos": 0},
        {"port": 70_000},
        {"api_key": ""},
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Settings(**change)


@pytest.mark.parametrize("key", ["schlüssel", "奶奶", "secret\n", " secret", "secret ", "sec\tret"])
def test_a_key_that_no_header_carries_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigError, match="the API key cannot be sent") as caught:
        Settings(api_key=key)
    assert key.strip() not in str(caught.value)


@pytest.mark.parametrize("key", ["s", "open sesame", "~a/b+c=!"])
def test_other_keys_are_taken(key: str) -> None:
    assert Settings(api_key=key).api_key == key


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(Settings(api_key="secret"))
