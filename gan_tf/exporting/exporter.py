"""One export from beginning to end: write, load, compare, describe, put in place."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gan_tf.environment import keras_defaults
from gan_tf.errors import UserError, printable
from gan_tf.exporting import comparison
from gan_tf.exporting.card import card
from gan_tf.exporting.examples import example
from gan_tf.exporting.formats import FORMATS, Export, Runtime
from gan_tf.exporting.network import export_network, feed, in_float32
from gan_tf.exporting.new_files import new_files
from gan_tf.files import cannot_write, explained, file_digest, write_synced
from gan_tf.gan.models import takes_labels
from gan_tf.storage.checkpoints import Trained
from gan_tf.storage.description import class_count, image_shape, versions

_CALIBRATION = 256  # inputs


def export_generator(
    trained: Trained,
    form: str,
    out: Path,
    pixels: bool = False,
    quantize: str = "",
    packages: Sequence[str] = (),
    weights: str = "",
    metrics: dict[str, float] | None = None,
) -> comparison.Difference:
    """Writes a generator and its model card, which stand beside each other in the end.

    Args:
        form: a name in `FORMATS`.
        out: a new file, for a SavedModel a new folder; the card is `<out>.md`.
        pixels: images are uint8, 0 to 255, instead of float32 in [0, 1].
        quantize: `"float16"` or `"int8"`, for LiteRT.
        packages: what the format needs beside TensorFlow, for the card.
        weights: which of the run's weights these are, for the card.
        metrics: of the generator's samples, for the card.

    Returns:
        How far the export is from the run's generator.

    Raises:
        UserError: the format cannot hold this generator, or what was written differs
            from it, or `out` cannot be written or exists. Nothing is left then.
    """
    generator, shape = in_float32(trained.generator), image_shape(trained.content)
    seed, classes = trained.config.seed, None
    if takes_labels(generator):
        classes = class_count(trained.content)
    with new_files(out, out.with_name(f"{out.name}.md")) as (file, page):
        with _one_sentence(form, out), keras_defaults():
            network = export_network(generator, shape, pixels)
            calibration = feed(generator, seed, _CALIBRATION, classes)
            export = Export(generator, network, shape, pixels, quantize, calibration)
            FORMATS[form].write(export, file)
            runtime: Runtime = FORMATS[form].load(file)
            found = comparison.compare(export, runtime, seed, classes)
        facts = {"weights": weights} | _facts(file, form, quantize, packages, found)
        code = example(form, out.name, generator, shape, pixels, classes)
        text = card(out.name, trained, facts, code, pixels, metrics or {})
        with explained(out, "nothing was written"):
            write_synced(page, text.encode())
    return found


@contextlib.contextmanager
def _one_sentence(form: str, out: Path) -> Iterator[None]:
    """Turns whatever a converter or a runtime raises into one sentence."""
    nothing = "nothing was written"
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        why = printable(lines[0] if lines else type(error).__name__, 300)
        if isinstance(error, OSError):
            raise cannot_write(out, error.strerror or why, nothing) from error
        if "[Op:SaveV2]" in str(error):  # TensorFlow's way to say it
            raise cannot_write(out, str(error), nothing) from error
        raise UserError(
            f"--format {form} is not possible for this generator here: {why}; {nothing}"
        ) from error


def _facts(
    file: Path,
    form: str,
    quantize: str,
    packages: Sequence[str],
    found: comparison.Difference,
) -> dict[str, str]:
    """What the card says of the export itself."""
    facts = {
        "format": f"{form} {quantize}".strip() + f", {_size(file)} bytes",
        "exported with": ", ".join(_versions(packages)),
        "compared": f"with the run's generator in {FORMATS[form].runtime}: {found}",
    }
    return facts | ({"SHA-256": file_digest(file)} if file.is_file() else {})


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(os.path.getsize(file) for file in files)


def _versions(packages: Sequence[str]) -> Iterator[str]:
    for name, version in versions().items():
        yield f"{name} {version}"
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield f"{name} {importlib.metadata.version(name)}"
