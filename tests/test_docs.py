"""The documentation and the code agree: commands, flags, names, numbers and links."""

import ast
import collections
import dataclasses
import importlib
import json
import re
import runpy
import shlex
import statistics
import sys
from pathlib import Path

import pytest

from gan_tf.config import RECIPES, Config, as_text
from gan_tf.evaluation.monitor import METRICS
from gan_tf.training.log import SCALARS
from tests.conftest import ROOT

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
}
README, CHINESE = PAGES["README.md"], PAGES["README.zh-CN.md"]
COMMAND = re.compile(r"python -m gan_tf\.\w+[^`\n]*")
OTHER_TOOLS = {"--logdir", "--tf_xla_persistent_cache_directory"}  # TensorBoard, XLA


def code_blocks(page, *languages):
    """The lines of a page's code blocks in one of the languages."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    blocks = [text for language, text in found if language in languages]
    return [line.strip() for text in blocks for line in text.splitlines()]


def flags_of(command):
    parser = importlib.import_module(f"gan_tf.{command}").parser()
    return {flag for action in parser._actions for flag in action.option_strings}


@pytest.mark.parametrize("name", PAGES)
def test_commands_parse(name):
    for command in COMMAND.findall(PAGES[name]):
        _, _, module, *arguments = shlex.split(command)
        if arguments:
            importlib.import_module(module).parser().parse_args(arguments)


@pytest.mark.parametrize("name", PAGES)
def test_every_flag_named_anywhere_exists(name):
    known = OTHER_TOOLS | flags_of("train") | flags_of("generate")
    known |= flags_of("evaluate") | flags_of("export")
    known |= {f"--{field.name}" for field in fields()}
    for script in [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("examples/*.py")]:
        known |= set(re.findall(r'"(--[a-z_]+)"', script.read_text()))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z_0-9]*", PAGES[name]))
    assert named <= known


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[name]):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in [anchor_of(title) for title in titles], target


def anchor_of(title):
    """The anchor that GitHub gives a title."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", PAGES)
def test_files_and_tests_that_are_named_exist(name):
    page = PAGES[name]
    pattern = r"`(?:python )?((?:gan_tf|tests|benchmarks|examples|docs)/[\w./-]+\w)"
    removed = page.partition("## What was removed")[2]
    for path in re.findall(pattern, page):
        assert (ROOT / path).exists() or path in removed, path
    sources = "".join(path.read_text() for path in ROOT.glob("tests/**/test_*.py"))
    for test in re.findall(r"`(test_\w+)`", page):
        assert f"def {test}(" in sources, test


@pytest.mark.parametrize("name", PAGES)
def test_names_imported_in_python_blocks_exist(name):
    blocks = re.findall(r"```python\n(.*?)```", PAGES[name], re.DOTALL)
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_short_outside_tables(name):
    for line in PAGES[name].splitlines():
        assert len(line) <= 100 or line.startswith("|"), line


def test_the_readme_fits_on_a_few_screens():
    assert len(README.splitlines()) <= 130


@pytest.mark.parametrize("page", [README, CHINESE])
def test_there_are_two_commands_for_set_up_each_one_line(page):
    set_up = [line for line in code_blocks(page, "sh") if "pip install" in line]
    assert len(set_up) == 2
    for line, ending in zip(set_up, ("-m gan_tf.train --epochs 30000", "-m pytest")):
        assert line.startswith("python3 -m venv env && env/bin/pip install -e ")
        assert line.endswith(f"env/bin/python {ending}")


def test_the_chinese_readme_has_the_same_commands_flags_and_numbers():
    for languages in (("sh",), ("powershell",)):
        assert code_blocks(README, *languages) == code_blocks(CHINESE, *languages)
    python = [
        [line for line in code_blocks(page, "python") if not line.startswith("#")]
        for page in (README, CHINESE)
    ]
    assert python[0] == python[1]
    for pattern in (r"--[a-z_]+", r"\d+(?:\.\d+)*", r"\]\(([^)]+)\)", r"`[^`]+`"):
        english, chinese = (
            collections.Counter(re.findall(pattern, prose(page)))
            for page in (README, CHINESE)
        )
        assert english - chinese == chinese - english == collections.Counter()


def prose(page):
    """A README without code blocks and without the links to the other language."""
    page = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    return re.sub(r"\[[^]]*\]\(README(\.zh-CN)?\.md\)", "", page)


@pytest.mark.parametrize("page", [README, CHINESE])
def test_the_readmes_results_are_the_stored_ones(page):
    stored = json.loads((ROOT / "benchmarks/recipes.json").read_text())
    shipped = next(iter(stored["classifiers"]))
    digits = {
        "mnist_frechet_distance": 3,
        "precision": 3,
        "recall": 3,
        "parzen_log_likelihood": 1,
    }
    real = stored["classifiers"][shipped]["real"]
    rows = [[f"{real[metric]:.{n}f}" for metric, n in digits.items()]]
    conditional = "with labels, R1 0.1 (`--recipe conditional`)"
    for name in ("document", "default", conditional):
        seeds = [seed[shipped] for seed in stored["rows"][name]["seeds"].values()]
        rows.append([spread(seeds, metric, n) for metric, n in digits.items()])
    for row in rows:
        assert f"| {' | '.join(row)} |" in page


def spread(seeds, metric, digits):
    values = [seed[metric] for seed in seeds]
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def test_the_page_of_options_is_current():
    script = runpy.run_path(str(ROOT / "docs/make_configuration.py"))
    page = PAGES["docs/configuration.md"]
    assert page == script["page"](), "run python docs/make_configuration.py"
    for field in fields():
        assert page.count(f"| `--{field.name}` | {as_text(field.default)} |") >= 1
    for name, value in RECIPES["document"].items():
        assert re.search(rf"\| `--{name}` \| .* \| {as_text(value)} \|", page)


def fields():
    return dataclasses.fields(Config)


def test_the_table_of_tags_is_what_is_written():
    tags = SCALARS | METRICS
    rows = [f"| `{name}` | {what} |" for name, what in tags.items()]
    assert "\n".join(rows) in PAGES["docs/monitoring.md"]


def test_the_tutorial_quotes_the_code():
    tutorial = PAGES["docs/tutorial.md"]
    table = tutorial[tutorial.index("| Goodfellow et al.") :].split("\n\n")[0]
    step = " ".join((ROOT / "gan_tf/gan/step.py").read_text().split())
    quotes = re.findall(r"`([^`]+)`", "\n".join(table.splitlines()[2:]))
    assert len(quotes) > 8
    for quote in quotes:
        assert quote.split("...")[0] in step, quote


def test_every_example_is_listed():
    for path in (ROOT / "examples").glob("*.py"):
        assert f"(../examples/{path.name})" in PAGES["docs/extending.md"]


def test_the_citation_has_the_version():
    from gan_tf import __version__

    assert f'version: "{__version__}"' in (ROOT / "CITATION.cff").read_text()


def test_the_long_description_has_no_relative_links(monkeypatch):
    given = {}
    monkeypatch.setattr("setuptools.setup", lambda **settings: given.update(settings))
    script = runpy.run_path(str(ROOT / "setup.py"))
    relative = re.compile(r"\]\((?!https?://)")
    assert relative.search(README)
    assert not relative.search(given["long_description"])
    assert "# gan_tf" in given["long_description"]
    assert "generated digits" not in given["long_description"]  # the picture's text
    text = script["long_description"]("https://example.org/gan_tf")
    assert not relative.search(text)
    assert re.search(r"!\[.*\]\(https://example.org/gan_tf/raw/.*samples.png\)", text)


def test_set_up_names_every_package_that_is_imported():
    names = {
        "PIL": "pillow",
        "absl": "absl-py",
        "tensorflow_datasets": "tensorflow-datasets",
        "ai_edge_litert": "ai-edge-litert",
    }
    brought = {"keras"}  # by tensorflow
    setup = (ROOT / "setup.py").read_text()
    local = {path.stem for path in (ROOT / "gan_tf").glob("*.py")} | {"gan_tf"}
    for path in (ROOT / "gan_tf").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            for module in modules:
                top = module.split(".")[0]
                if top in sys.stdlib_module_names | local | brought | {"__future__"}:
                    continue
                assert f'"{names.get(top, top)}>=' in setup, f"{path.name}: {top}"


# Old private words of this project, with what to write instead; also in names.
OLD_WORDS = {
    r"judg(e|es|ed|ing)": "classifier; scored, rated",
    r"a look": "a probe",
    r"sheets?": "sample grid",
    r"films?": "animation",
    r"walk(s|ed|ing)?": "interpolation",
    r"drew|draws? what": "generate, sample",
    r"told|tells": "reported; prints",
    r"mend(s|ed|ing)?": "fix",
    r"unharmed": "unchanged",
    r"nought": "zero",
    r"figures": "metrics, values",
    r"floors?": "score of real data",
    r"products": "matrix multiplications",
    r"the document('s|s)?|documents": "the tutorial",
}
# Functions of others, a term of mathematics, names in weights/classifier.npz, how an
# old evaluation.json begins.
ALLOWED = ("ast.walk", "np.floor", "Math.floor", "inner products", "floor_", '"judge"')
SUFFIXES = (".py", ".md", ".html", ".js")
FOLDERS = ("gan_tf", "benchmarks", "tests", "examples", "docs")


def test_old_private_words_do_not_come_back():
    found = []
    files = [*ROOT.glob("*.md"), *ROOT.glob("*.py"), ROOT / ".ci" / "run"]
    for folder in FOLDERS:
        files += [p for p in (ROOT / folder).rglob("*.*") if p.suffix in SUFFIXES]
    files.remove(Path(__file__))
    for path in files:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            words = re.sub("|".join(ALLOWED), "", line).replace("_", " ")
            for old, better in OLD_WORDS.items():
                if re.search(rf"\b({old})\b", words, re.IGNORECASE):
                    place = f"{path.relative_to(ROOT)}:{number}"
                    found.append(f"{place}: write {better}: {line.strip()}")
    assert not found, "\n".join(found)
