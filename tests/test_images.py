import contextlib
import io
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_tf import images
from gan_tf.data.folders import read_folder
from gan_tf.errors import UserError
from gan_tf.pages.pictures import picture


def test_all_pixel_values_survive_both_ways():
    pixels = np.arange(256, dtype=np.uint8).repeat(49).reshape(-1, 28, 28)
    unit = images.to_unit(pixels.reshape(-1, 784)).numpy()
    assert unit.dtype == np.float32
    assert (unit.min(), unit.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(images.to_pixels(unit), pixels.reshape(-1, 784))


def test_values_outside_the_range_are_clipped():
    unit = np.linspace(-3, 4, 784, dtype=np.float32)[None]
    pixels = images.to_pixels(unit)
    assert (pixels[0, 0], pixels[0, -1]) == (0, 255)
    assert (np.diff(pixels.ravel().astype(int)) >= 0).all()  # nothing wraps around


def test_grid_puts_images_row_by_row():
    stack = np.stack([np.full((28, 28), value, np.uint8) for value in range(1, 6)])
    sample_grid = images.grid(stack)
    assert sample_grid.shape == (2 * 30 + 2, 3 * 30 + 2)
    centres = sample_grid[16::30, 16::30]
    np.testing.assert_array_equal(centres, [[1, 2, 3], [4, 5, 0]])
    assert images.grid(stack, columns=5).shape == (32, 152)


def test_caption_stands_above_the_unchanged_grid():
    sample_grid = np.random.default_rng(0).integers(0, 256, (62, 122), dtype=np.uint8)
    picture = images.captioned(sample_grid, "mnist, step 5")
    np.testing.assert_array_equal(picture[-124::2, ::2], sample_grid)
    assert picture[:-124].max() > 128
    other = images.captioned(sample_grid, "strokes, step 5")
    assert (picture[:-124] != other[:-124]).any()


def test_png_and_npz_come_back(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    images.write_png(tmp_path / "x.png", picture)
    back = images.read_png(tmp_path / "x.png", (20, 30))
    np.testing.assert_array_equal(back, picture)
    stack = picture[:1].repeat(28, 0)[None, :, :28]
    images.write_npz(tmp_path / "x.npz", stack)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["images"], stack)


def test_gif_holds_every_frame_for_its_time(tmp_path):
    frames = [np.full((8, 9), value, np.uint8) for value in (0, 100, 200)]
    images.write_gif(tmp_path / "x.gif", frames, [0.1, 0.1, 2.0])
    with Image.open(io.BytesIO((tmp_path / "x.gif").read_bytes())) as animation:
        durations, values = [], []
        for number in range(animation.n_frames):
            animation.seek(number)
            durations.append(animation.info["duration"])
            values.append(animation.convert("L").getpixel((4, 4)))
        assert animation.info["loop"] == 0
    assert durations == [100, 100, 2000]
    np.testing.assert_allclose(values, [0, 100, 200], atol=3)


def test_captions_in_any_script(recwarn):
    """Letters that the font has are drawn, others are question marks; no warning."""
    grid = np.zeros((40, 200), np.uint8)
    pictures = [
        images.captioned(grid, text)
        for text in ("\u0395\u03bb\u03bb", "\u0434\u0430\u043d", "\u6570\u636e", "??")
    ]
    assert (pictures[0] != pictures[1]).any()
    np.testing.assert_array_equal(pictures[2], pictures[3])
    assert not recwarn.list


def test_colour_grids():
    stack = np.zeros((5, 8, 9, 3), np.uint8)
    stack[..., 1] = 200
    grid = images.captioned(images.grid(stack), "x")
    assert grid.ndim == 3
    assert tuple(grid[30, 10]) == (0, 200, 0)


@pytest.mark.parametrize(
    "read", [images.read_png, lambda path: read_folder(path.parent)]
)
def test_a_chunk_that_claims_gigabytes_takes_no_memory(tmp_path, read):
    """The image data of a small PNG say that they are 3.7 GB long."""
    path = tmp_path / "0.png"
    images.write_png(path, np.zeros((8, 8), np.uint8))
    whole = path.read_bytes()
    place = whole.index(b"IDAT")
    length = struct.pack(">I", 3_700_000_000)
    path.write_bytes(whole[: place - 4] + length + whole[place:])
    tracemalloc.start()
    with contextlib.suppress(UserError):
        read(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50 << 20


def test_a_picture_that_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    images.write_png(tmp_path / "x.png", np.zeros((8, 8), np.uint8))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        for read in (images.read_png, lambda path: picture(path, 100)):
            with pytest.raises(UserError, match=r"cannot read .* Permission denied"):
                read(tmp_path / "x.png")
    os.mkfifo(tmp_path / "pipe")  # reading it would never end
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 1 << 40)  # takes no room
    for name in ("pipe", "large"):
        for read in (images.read_png, lambda path: picture(path, 100)):
            with pytest.raises(UserError, match="no picture of a run"):
                read(tmp_path / name)


def test_the_caption_of_a_colored_picture_is_white():
    picture = images.captioned(np.zeros((10, 60, 3), np.uint8), "step 1")
    assert picture.max() == 255
    assert (picture == picture[..., :1]).all()
