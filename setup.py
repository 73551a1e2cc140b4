"""The package and its dependencies: the one place that names them.

The lowest versions together, on Python 3.10, and the newest, on 3.13, were tried: see
"Versions tried" in BUILD_NOTES.md.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (HERE / "gan_tf/__init__.py").read_text(), re.MULTILINE
)[1]

# The public repository, once there is one. PyPI shows only absolute links: with it the
# pictures and links of README.md become absolute, without it they are left out.
URL = ""


def long_description(url: str) -> str:
    """README.md as PyPI can show it."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    if url:
        relative = r"(!?)(\[[^]]*\])\((?!https?://)([^)]+)\)"
        kind = {"!": "raw", "": "blob"}
        return re.sub(
            relative,
            lambda link: (
                f"{link[1]}{link[2]}({url}/{kind[link[1]]}/v{VERSION}/{link[3]})"
            ),
            text,
        )
    text = re.sub(r"!\[[^]]*\]\([^)]+\)\n\n\*[^*]+\*\n\n", "", text)  # with its caption
    return re.sub(r"\[([^]]*)\]\((?!https?://)[^)]+\)", r"\1", text)


# Each export is loaded by its own runtime before it counts as written.
EXPORT = [
    "tf2onnx>=1.17",  # Keras writes ONNX with it
    "onnxruntime>=1.20",
    "ai-edge-litert>=2.1",  # the runtime; the converter comes with TensorFlow
]


setup(
    name="gan_tf",
    version=VERSION,
    description="The small GAN on MNIST in TensorFlow 2: correct, measured, resumable",
    url=URL,
    long_description=long_description(URL),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(include=["gan_tf", "gan_tf.*"]),
    package_data={"gan_tf": ["py.typed", "weights/*.npz", "pages/report.*"]},
    install_requires=[
        "tensorflow>=2.21",  # brings Keras 3
        # tf.summary needs it, tensorflow does not bring it; 2.20 does not start with
        # setuptools 82.
        "tensorboard>=2.21",
        "tensorflow-datasets>=4.9.9",  # downloads and prepares MNIST
        # tensorflow-datasets imports it, undeclared, and needs abc.Traversable.
        "importlib_resources>=6.0",
        # Reads sets prepared in that form; tensorflow-datasets brings it on Linux.
        "array_record>=0.5; platform_system == 'Linux'",
        # 1.14 needs Python 3.11, and pip does not learn this from every package index.
        "etils<1.14; python_version < '3.11'",
        "numpy>=1.26",
        "matplotlib>=3.8",  # the loss curves
        "pillow>=10.1",  # PNG and GIF
        "jinja2>=3.1",  # the report: a template that escapes names
        # The run's lock, on Windows too; lock_descriptor is new in 3.30.
        "filelock>=3.30",
        "absl-py>=2.0",  # runs the commands
        "tqdm>=4.66",  # the progress bar
    ],
    extras_require={
        "test": [
            *EXPORT,  # every format is written, loaded and compared
            "pytest>=8",
            "pytest-xdist>=3.6",  # several tests at a time
            "prdc>=0.2",  # the metrics beside other people's, with SciPy and
            "scipy>=1.11",
            "scikit-learn>=1.3",
            "hypothesis>=6.100",  # hostile files for the readers
            "ruff==0.17.*",
            "import-linter>=2.1",  # the rooms: pyproject.toml
            "mypy>=1.11",  # the types that py.typed promises
            "build>=1.2",
        ],
        "export": EXPORT,
        "fuzz": ["atheris>=2.3"],  # tests/fuzz/long_run.py: libFuzzer for Python
        "cuda": ["tensorflow[and-cuda]>=2.21"],
        # The peers of benchmarks/; without one its rows say "absent".
        "bench": [
            "torch>=2.5",  # eager and torch.compile
            "jax>=0.5",  # jit and scan
            "optax>=0.2.4",  # JAX's Adam, as its guides have it
        ],
    },
)
