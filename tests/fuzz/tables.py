"""Hostile CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.fuzz.target import Target, put


def csv_table(home: Path) -> Target:
    """A CSV file: as it is, or with a header that fits."""
    from gan_tf.data.table import read_table

    path = home / "x.csv"
    names = ",".join(["label", *(f"pixel{number}" for number in range(64))])
    row = ",".join(["7"] * 65)

    def write(data: bytes) -> int:
        heads = (b"", f"{names}\n".encode(), f"{row}\n".encode(), b"\xef\xbb\xbf")
        return put(path, heads[data[0] >> 6 if data else 0] + data[1:])

    def check(found: tuple[np.ndarray, np.ndarray | None]) -> int:
        pixels, labels = found
        assert pixels.ndim == 2
        assert labels is None or labels.shape == pixels.shape[:1]
        return 2 * pixels.nbytes

    rows = f"{row}\n{row}\n".encode()
    seeds = [bytes([kind]) + rows for kind in (1, 65, 129, 193)]
    seeds += [b"\x01" + rows.replace(b",", b";"), b"\x01" + b"1e999," * 64 + b"nan\n"]
    seeds += [b"\x01\0\0", b"\x01" + b"," * 5000, b'\x01"' + rows]
    return Target(lambda: seeds, write, lambda: read_table(path), check)


def curves(home: Path) -> Target:
    """`curves.csv`, read for the plot and rewritten at a resume."""
    from gan_tf.storage.curves import CurveWriter, curves_path, read_curves

    path = curves_path(home)
    names = ("d_loss", "g_loss")

    def read() -> dict:
        before = read_curves(home)
        CurveWriter(home, names, 10).__exit__(None, None, None)
        return {"before": before, "after": read_curves(home)}

    def check(found: dict) -> int:
        for steps, values in [*found["before"].values(), *found["after"].values()]:
            assert len(steps) == len(values)
            assert steps == sorted(set(steps))
        for steps, _ in found["after"].values():
            assert max(steps) <= 10
        return 40 * path.stat().st_size

    def seeds() -> list[bytes]:
        return [
            b"step,d_loss,g_loss\n5,1.5,2.5\n10,1.25,\n15,1,0.5\n",
            b'step,"a\nb",d_loss\n5,1,2\n', b"step,step\n1,2\n", b"\n\n5\n",
            b"step,d_loss\n" + b"9" * 5000 + b",1\n", b"step,d_loss\n5,1e999\n",
            b"step,d_loss\n5,nan\n5,2\n\xff\xfe,3\n", b"step,d_loss\n5,1",
        ]  # fmt: skip

    return Target(seeds, lambda data: put(path, data), read, check)
