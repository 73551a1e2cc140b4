"""Every reader of files that strangers may have made, and how often it is tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fuzz import (
    arrays,
    checkpoints,
    json_files,
    networks,
    pictures,
    records,
    tables,
)
from tests.fuzz.target import Target

READERS: dict[str, Callable[[Path], Target]] = {
    "idx": arrays.idx,
    "gzip": arrays.gzipped,
    "npz": arrays.npz,
    "npy": arrays.plain_npy,
    "json": json_files.plain_json,
    "config": json_files.config,
    "manifest": checkpoints.manifest,
    "png": pictures.png,
    "table": tables.csv_table,
    "pictures": pictures.picture_folder,
    "records": records.records,
    "samples": arrays.samples,
    "classifier": arrays.classifier_weights,
    "caption": pictures.caption,
    "index": checkpoints.index,
    "checkpoint": checkpoints.whole_checkpoint,
    "prepared": records.prepared,
    "array_record": records.array_record,
    "curves": tables.curves,
    "evaluation": networks.evaluation,
    "networks": networks.network,
}
NATIVE = ("checkpoint", "prepared", "array_record", "networks")  # read by C++
# Inputs of a full run: the readers that need no TensorFlow make up most of it.
INPUTS = {
    "idx": 400_000,
    "records": 400_000,
    "json": 160_000,
    "gzip": 10_000,
    "npz": 100_000,
    "npy": 100_000,
    "config": 10_000,
    "png": 10_000,
    "table": 100_000,
    "pictures": 100_000,
    "manifest": 5_000,
    "index": 5_000,
    "samples": 500,
    "caption": 300,
    "classifier": 100,
    "checkpoint": 1_000,
    "prepared": 300,
    "array_record": 1_000,
    "curves": 100_000,
    "evaluation": 100_000,
    "networks": 2_000,
}
