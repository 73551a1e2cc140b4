"""Writes docs/configuration.md from the options of `gan_tf.Config`.

    python docs/make_configuration.py

A test fails where the page is not what this script writes.
"""

import dataclasses
from pathlib import Path
from typing import Any

from gan_tf.config import GROUPS, OPTION_TYPES, RECIPES, Config, as_text

PAGE = Path(__file__).with_name("configuration.md")

TYPES = {
    int: "integer",
    float: "number",
    bool: "true or false",
    str: "text",
    tuple[int, ...]: "integers, such as 256,512",
}

INTRODUCTION = """\
# Configuration

<!-- Written by docs/make_configuration.py. Edit the options in gan_tf/config.py. -->

A run is described by the options below. Each is a flag of `python -m gan_tf.train`, a
field of `gan_tf.Config`, and an entry of the run's `config.json`:

```sh
python -m gan_tf.train --epochs 2000 --seed 1 --run_dir runs/seed1
```

```python
from gan_tf import Config, train

train(Config.recipe("default", epochs=2000, seed=1), "runs/seed1")
```

`python -m gan_tf.train --dry_run` prints the configuration and what would happen, and
changes nothing. `--run_dir` names the folder of the run, `runs/` and the recipe's name
by default.

A run can be continued with another value of the options marked *may change*: they leave
the trained weights as they are, or only extend the run. Another value of any other
option is a different run and needs its own `--run_dir`.
"""

RECIPES_TEXT = """\
## Recipes

A recipe is a named set of values, chosen with `--recipe`; flags replace single values
of it.

- `default` is what the tables above show.
- `conditional` trains on the labels too, with a weaker R1 penalty, so that a class can
  be chosen when generating.
- `fast` needs labels too and reaches good digits soonest
  ([how soon](performance.md#time-to-quality)). Its learning rates do not fall, so a
  larger `--epochs` continues such a run as if it had been longer from the start.
- `document` is the recipe of the tutorial that this package began with, with only its
  losses corrected. It collapses to few kinds of digits and is there for comparison.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    for group in GROUPS:
        rows = [row(field) for field in fields(group)]
        head = ["option", "default", "values", "meaning"]
        parts.append(table(group.capitalize(), head, rows))
    return "\n".join([*parts, RECIPES_TEXT, recipes()])


def fields(group: str) -> list[dataclasses.Field]:
    """The options of one group, in their order in `Config`."""
    options = dataclasses.fields(Config)
    return [field for field in options if field.metadata["group"] == group]


def row(field: dataclasses.Field) -> list[str]:
    """One option as the cells of a row."""
    meaning = field.metadata["help"]
    if not field.metadata.get("shapes_run", True):
        meaning += " (*may change*)"
    return [f"`--{field.name}`", as_text(field.default), values(field), meaning]


def values(field: dataclasses.Field) -> str:
    """What an option accepts."""
    rules = field.metadata
    if "choices" in rules:
        return ", ".join(f"`{choice}`" for choice in rules["choices"])
    text = TYPES[OPTION_TYPES[field.name]]
    if "minimum" in rules:
        text += f"; at least {rules['minimum']:g}"
    if rules.get("below") == 1:  # larger bounds only guard against absurd values
        text += ", below 1"
    return text


def recipes() -> str:
    """The options in which the recipes differ."""
    names = list(RECIPES)
    options = {option for recipe in RECIPES.values() for option in recipe}
    rows = [
        [f"`--{name}`", *(value(recipe, name) for recipe in names)]
        for name in OPTION_TYPES
        if name in options
    ]
    return table("", ["option", *(f"`{name}`" for name in names)], rows)


def value(recipe: str, option: str) -> str:
    """An option's value in a recipe."""
    return as_text(RECIPES[recipe].get(option, getattr(Config, option)))


def table(title: str, head: list[str], rows: list[Any]) -> str:
    """A Markdown table under its title."""
    lines = [head, ["---"] * len(head), *rows]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"## {title}\n\n{text}" if title else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
