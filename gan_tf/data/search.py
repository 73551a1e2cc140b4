"""Finds the set of images that a path means: a file, or a folder that is searched."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from gan_tf.data.folders import class_folders, entries, image_files
from gan_tf.data.forms import check_file, form_of
from gan_tf.errors import UserError
from gan_tf.files import exists, readable

_MAX_DEPTH = 4
_MAX_FOLDERS = 1000
_SPLIT = re.compile(r"(?<![a-z])(train|training|t10k|test|testing)(?![a-z])", re.I)
_OFFICIAL = "*-images-idx3-ubyte"  # MNIST's own file names
_MIN_COLUMNS = 64  # of a CSV file that holds images


@dataclasses.dataclass
class Found:
    """A set of images on the disk.

    Attributes:
        form: "idx", "npz", "npy", "csv", "prepared" or "folder".
        name: of the set.
        splits: the file or folder of each split; "" for a set that has no splits.
    """

    form: str
    name: str
    splits: dict[str, Path]


def find(path: Path) -> Found:
    """The one set that `path` is or holds, on the first level that holds any.

    Raises:
        UserError: there is none, or there are several different ones.
    """
    if not exists(path):
        raise UserError(f"--data_dir {path} does not exist")
    if not path.is_dir():
        check_file(path)
        return _of_file(path)
    level, other = [path], ""
    for _ in range(_MAX_DEPTH):
        found = [candidate for folder in level for candidate in _candidates(folder)]
        if len(found) > 1:
            raise _several(path, found)
        if found:
            return found[0]
        other = other or next(filter(None, map(_other_form, level)), "")
        level = [
            Path(entry.path)
            for folder in level
            for entry in entries(folder)
            if entry.is_dir(follow_symlinks=False)
        ][:_MAX_FOLDERS]
    raise UserError(
        f"--data_dir {path} holds no data set: looked for IDX files, npz, npy, CSV, "
        f"PNG and JPEG files and prepared tensorflow_datasets folders{other}"
    )


def _other_form(folder: Path) -> str:
    """A file in `folder` of another known form, and what to do with it."""
    for entry in entries(folder)[:100]:
        if entry.is_file():
            with readable(entry.path), open(entry.path, "rb") as file:
                known = form_of(file.read(32))
            if known:
                return f". {entry.name} is {known[0]}; {known[1]}"
    return ""


def _several(path: Path, found: list[Found]) -> UserError:
    places = sorted(
        {
            str(held.splits.get("train") or next(iter(held.splits.values())))
            for held in found
        }
    )
    names = ", ".join(places[:5]) + (", ..." if len(places) > 5 else "")
    return UserError(f"--data_dir {path} holds several data sets: name one of {names}")


def _candidates(folder: Path) -> list[Found]:
    """The sets that lie directly in `folder`, of the strongest form that is there."""
    sets = _sets_of_files(folder)
    strong = [held for held in sets if held.form != "csv"]
    if strong:
        return strong
    versions = [
        Path(entry.path)
        for entry in entries(folder)
        if entry.is_dir() and Path(entry.path, "dataset_info.json").is_file()
    ]
    if (folder / "dataset_info.json").is_file():
        versions = [folder]
    if versions:
        return [Found("prepared", _prepared_name(versions[-1]), {"": versions[-1]})]
    return sets or _set_of_pictures(folder)


def _prepared_name(version: Path) -> str:
    """`mnist` of mnist/3.0.1, `emnist-letters` of emnist/letters/3.1.0."""
    parent = version.resolve().parent
    above = parent.parent.name
    known = above == "emnist"
    return f"{above}-{parent.name}" if known else parent.name


def _sets_of_files(folder: Path) -> list[Found]:
    sets: dict[tuple[str, str], Found] = {}
    for entry in entries(folder):
        form = _form(entry.name)
        if form is None or not entry.is_file():
            continue
        if form == "csv" and not _wide(Path(entry.path)):
            continue
        split = _split(entry.name)
        key = form, _key(entry.name)
        held = sets.setdefault(key, Found(form, "", {}))
        held.splits.setdefault(split, Path(entry.path))  # plain before .gz
        held.name = _name(folder, key[1])
    official = sets.get(("idx", _OFFICIAL))
    if official:
        return [official]
    found = list(sets.values())
    trained = [held for held in found if "train" in held.splits]
    mnist = [held for (_, key), held in sets.items() if key == "mnist.npz"]
    return mnist or trained or found


def _form(name: str) -> str | None:
    """The form of a file of images by its name; None for labels and others."""
    name = name.lower()
    if name.endswith(".csv"):  # labels alone are not `_wide`
        return "csv"
    if re.search(r"(?<![a-z])labels?(?![a-z])|^y[-_]", name):
        return None
    if re.search(r"[-.]idx[34]-(ubyte|int)(\.gz)?$", name):
        return "idx"
    ending = Path(name.removesuffix(".gz")).suffix
    return ending[1:] if ending in (".npz", ".npy", ".csv") else None


def _wide(path: Path) -> bool:
    """Whether the rows of a CSV file can be images, not names or labels of such."""
    with readable(path), path.open("rb") as file:
        line = file.readline(1 << 16)
    columns = 1 + max(map(line.count, (b",", b";", b"\t")))
    return columns >= _MIN_COLUMNS or line.startswith(b"\x1f\x8b")


def _split(name: str) -> str:
    found = _SPLIT.search(name)
    if not found:
        return ""
    return "train" if found[1].lower().startswith("train") else "test"


def _key(name: str) -> str:
    """A file's name without what differs between the files of one set."""
    name = _SPLIT.sub("*", name.lower(), count=1)
    return name.removesuffix(".gz").replace(".idx", "-idx")


def _name(folder: Path, key: str) -> str:
    """The name of a set: of its files, or of the folder if these have none."""
    stem = re.sub(r"-(images|imgs)|-idx\d-\w+|\.(npz|npy|csv)$", "", key)
    stem = (
        re.sub(r"[-_.]?(images|imgs)$|^x[-_](?=\*)", "", stem)
        .replace("*", "")
        .strip("-_. ")
    )
    folder = folder.resolve()
    if folder.name == "raw" and folder.parent.name:  # torchvision's MNIST/raw
        folder = folder.parent
    return stem or folder.name or "images"


def _of_file(path: Path) -> Found:
    """The set that one file of it names; the other split may lie beside it."""
    form = _form(path.name) or _form_of_content(path)
    if not _split(path.name):
        return Found(form, _name(path.parent, _key(path.name)), {"": path})
    for held in _sets_of_files(path.parent):
        if path in held.splits.values():
            return held
    name = _name(path.parent, _key(path.name))
    return Found(form, name, {_split(path.name): path})


def _form_of_content(path: Path) -> str:
    """For a file with a name of its own: IDX, unless its first bytes say otherwise."""
    with readable(path), path.open("rb") as file:
        start = file.read(6)
    return {b"\x93NUMPY": "npy"}.get(start, "npz" if start[:2] == b"PK" else "idx")


def _set_of_pictures(folder: Path) -> list[Found]:
    """A folder of images: flat, by class, or either below `train` and `test`."""
    splits = {
        _split(entry.name): Path(entry.path)
        for entry in entries(folder)
        if entry.is_dir() and _SPLIT.fullmatch(entry.name) and _pictures(entry.path)
    }
    name = _name(folder, "")
    if "train" in splits:
        return [Found("folder", name, splits)]
    return [Found("folder", name, {"": folder})] if _pictures(folder) else []


def _pictures(folder: str | Path) -> bool:
    return bool(image_files(Path(folder)) or class_folders(Path(folder)))
