"""Text from elsewhere stays text in a model card."""

from gan_tf.exporting.card import card
from gan_tf.storage.pretrained import pretrained

EVIL = "<b>[x](http://y)|`c`\n# \u202e~~*z*&amp;"
SAFE = r"\<b\>\[x\](http://y)\|\`c\`\\n# \\u202e\~\~\*z\*\&amp;"


def test_names_make_no_markup():
    found = pretrained("mnist")
    found.content["data"] |= {"name": EVIL, "sha256": EVIL, "images": EVIL}
    found.content["versions"] = {EVIL: EVIL}
    facts = {"format": "npz"}
    text = card(EVIL, found, facts, "code", pixels=False, metrics={EVIL: 1.0})
    assert EVIL not in text
    assert text.count(SAFE) == 8
    assert text.startswith(f"# {SAFE}\n")
    for table in (
        "| data |",
        f"| {SAFE} | 1 |",
    ):  # Markdown has no table without a head
        assert f"\n\n| | |\n| --- | --- |\n{table}" in text
