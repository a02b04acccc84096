"""What an operator sets: defaults, every value, and a sentence for each wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import settings


def test_an_empty_environment_is_valid() -> None:
    read = settings.read({})
    assert (read.model, read.fetch, read.memory_mb) == ("auto", True, None)
    assert read.cache.name == "looking-glass"
    assert read.cache.is_absolute()


def test_values_are_read(tmp_path: Path) -> None:
    read = settings.read({"LOOKING_GLASS_CACHE": str(tmp_path / "new"), "LOOKING_GLASS_MODEL": "storyteller",
                          "LOOKING_GLASS_FETCH": "OFF", "LOOKING_GLASS_MEMORY_MB": " 1500 "})
    assert read == settings.Settings(tmp_path / "new", "storyteller", False, 1500)


def test_other_engines_are_read() -> None:
    read = settings.read({
        "LOOKING_GLASS_REMOTE": "http://127.0.0.1:8080/v1#tiny, https://API.example.com/v1/#org/model",
        "LOOKING_GLASS_REMOTE_KEY": "none,sk-1", "LOOKING_GLASS_PRIVATE_RANGES": "on",
    })
    assert [(one.base.url, one.model, one.key) for one in read.remote] == [
        ("http://127.0.0.1:8080/v1", "tiny", ""), ("https://api.example.com/v1", "org/model", "sk-1")]
    assert read.private_ranges
    assert settings.read({}).remote == ()
    assert not settings.read({}).private_ranges


@pytest.mark.parametrize(("values", "says"), [
    ({"REMOTE": "127.0.0.1:8080"}, "'127.0.0.1:8080' cannot be used"),
    ({"REMOTE": "http://a/v1 http://user:hunter2@b/v1"}, "Entry 2 cannot be used"),
    ({"REMOTE": "http://a/v1?key=1"}, r"[?] or #"),
    ({"REMOTE": "http://a/v1,http://A:80/v1/"}, "the same address twice"),
    ({"REMOTE": "http://a http://b", "REMOTE_KEY": "hunter2"}, "holds 1 keys for 2 addresses"),
    ({"REMOTE_KEY": "hunter2"}, "holds 1 keys for 0 addresses"),
    ({"REMOTE": "http://a", "REMOTE_KEY": "hunter2\x07"}, "a sign that no key has"),
    ({"PRIVATE_RANGES": "maybe"}, "on or off"),
])
def test_a_wrong_engine_is_a_sentence_without_its_secret(values: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        settings.read({f"LOOKING_GLASS_{name}": value for name, value in values.items()})
    assert "LOOKING_GLASS_" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_key_is_never_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_REMOTE", "http://user:hunter2@a/v1")
    monkeypatch.setenv("LOOKING_GLASS_REMOTE_KEY", "hunter2")
    rows = {row["name"]: row["now"] for row in settings.describe()}
    assert rows["LOOKING_GLASS_REMOTE_KEY"] == rows["LOOKING_GLASS_REMOTE"] == "(set)"
    monkeypatch.setenv("LOOKING_GLASS_REMOTE", "http://a/v1")
    assert "hunter2" not in repr(settings.get())


def test_the_users_cache_folder_is_honoured(tmp_path: Path) -> None:
    assert settings.default_cache({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "looking-glass"
    assert settings.default_cache({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "looking-glass"


@pytest.mark.parametrize(("name", "value", "says"), [
    ("MODEL", "gpt5", "auto or one of storyteller"),
    ("MODEL", "cl100k", "no model that writes text"),
    ("FETCH", "maybe", "on or off"),
    ("MEMORY_MB", "0", "above 0"),
    ("MEMORY_MB", "-5", "whole number"),
    ("MEMORY_MB", "1.5", "whole number"),
    ("MEMORY_MB", "²", "whole number"),
])
def test_a_wrong_value_is_a_sentence(name: str, value: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        settings.read({f"LOOKING_GLASS_{name}": value})
    assert f"LOOKING_GLASS_{name}" in str(raised.value)
    assert repr(value) in str(raised.value)


def test_a_file_is_no_cache_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ValueError, match="name a folder"):
        settings.read({"LOOKING_GLASS_CACHE": str(file)})


def test_get_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path))
    assert settings.get().cache == tmp_path
    assert settings.get() is settings.get()
    monkeypatch.setenv("LOOKING_GLASS_FETCH", "off")
    assert settings.get().fetch is False


def test_every_setting_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_MEMORY_MB", "900")
    rows = {row["name"]: row for row in settings.describe()}
    assert list(rows) == [f"LOOKING_GLASS_{name}" for name in settings.NAMES]
    assert rows["LOOKING_GLASS_MEMORY_MB"]["now"] == "900"
    assert all(row["meaning"] and row["default"] and row["values"] for row in rows.values())
