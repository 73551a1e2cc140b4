"""Hostile JSON files, with digests that fit."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
from pathlib import Path
from typing import Any

from tests.fuzz.target import IMAGES, Target, put


def sealed(content: Any) -> bytes:
    """JSON with a digest that fits."""
    if not isinstance(content, dict):
        return json.dumps(content).encode()
    text = json.dumps(content, sort_keys=True).encode()
    return json.dumps(content | {"sha256": hashlib.sha256(text).hexdigest()}).encode()


VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1.5, -0.0, float("nan"),
    float("inf"), "", "x", "../../x", "/etc/passwd", "\ud800", "\x1b[2J\n", "$\\frac$",
    [], [1], [[]], {}, {"a": 1}, [2**20 - 1] * 40, "x" * 2500, [1] * 300, "sigmoid",
]  # fmt: skip


def altered(content: Any, data: bytes) -> Any:
    """`content` with some values replaced, removed or added, as `data` says."""
    content = json.loads(json.dumps(content))
    for start in range(0, min(len(data), 30) - 2, 3):
        place, what, how = data[start : start + 3]
        holder = content
        while True:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not keys:
                break
            key = list(keys)[place % len(keys)]
            inner = holder[key]
            if isinstance(inner, (dict, list)) and inner and how % 8 < 5:
                holder, place = inner, place // len(keys) + how
                continue
            if how % 16 < 14:
                holder[key] = copy.deepcopy(VALUES[what % len(VALUES)])
            elif isinstance(holder, dict):
                holder[str(VALUES[what % len(VALUES)])] = holder.pop(key)
            else:
                del holder[key]
            break
    return content


def json_content(data: bytes, honest: Any) -> bytes:
    kind, data = data[:1], data[1:]
    if kind < b"\x80":
        return sealed(altered(honest, data))
    if kind < b"\xc0":
        try:
            return sealed(json.loads(data))
        except (ValueError, RecursionError):
            pass
    return data


def plain_json(home: Path) -> Target:
    """`files.read_json`."""
    from gan_tf.files import read_json

    path = home / "x.json"
    honest = {"a": 1, "b": [1.5, "x"], "c": {"d": None}}

    def write(data: bytes) -> int:
        return put(path, json_content(data, honest))

    def check(content: dict) -> int:
        reference = json.loads(path.read_bytes())
        seal = reference.pop("sha256")
        text = json.dumps(content, sort_keys=True)
        assert text == json.dumps(reference, sort_keys=True)
        assert seal == hashlib.sha256(text.encode()).hexdigest()
        return path.stat().st_size

    seeds = [b"\x01", b"\x01abc", b"\x90" + b"[" * 980 + b"]" * 980]
    seeds += [b"\x90" + json.dumps(honest).encode(), b"\xff" + sealed(honest)]
    seeds += [b'\x90{"a": ' + b"[" * n + b"]" * n + b"}" for n in (300, 900, 990)]
    return Target(lambda: seeds, write, lambda: read_json(path), check)


def honest_description(**changes: Any) -> dict:
    """The content of an honest `config.json`."""
    from gan_tf.config import Config
    from gan_tf.storage.description import versions
    from gan_tf.storage.run_directory import FORMAT

    return {
        "format": FORMAT,
        "config": Config(**changes).to_dict(),
        "data": {"name": "mnist", "images": 60000, "sha256": "0" * 64},
        "versions": versions(),
    }


def config(home: Path) -> Target:
    """`description.read_run` and `description.check_run`."""
    from gan_tf.config import Config
    from gan_tf.data.image_set import ImageSet
    from gan_tf.errors import UserError
    from gan_tf.storage import description

    path, honest = home / "config.json", honest_description()
    ours = ImageSet(IMAGES, IMAGES[:, 0, 0], "mnist", "0" * 64)

    def write(data: bytes) -> int:
        return put(path, json_content(data, honest))

    def read() -> tuple[Config, dict]:
        with contextlib.suppress(UserError):
            description.check_run(home, Config(), ours)
        return description.read_run(home)

    def check(pair: tuple[Config, dict]) -> int:
        written = json.loads(path.read_bytes())["config"]
        read = json.loads(json.dumps(pair[0].to_dict()))
        assert read == written
        assert len(pair[0].generator_units) < 100
        assert pair[1]["data"]["name"].isprintable()
        return path.stat().st_size

    seeds = [b"\x01", b"\x01\3\4\0", b"\xff" + sealed(honest)]
    seeds += [bytes([1, 1, what, how]) for what in range(30) for how in (5, 14)]
    seeds += [bytes([1, place, 8, 3]) for place in range(100)]
    return Target(lambda: seeds, write, read, check)
