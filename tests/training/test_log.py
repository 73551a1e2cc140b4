import numpy as np
import pytest
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator,
)

from gan_tf.errors import UserError
from gan_tf.gan.losses import OBJECTIVES
from gan_tf.gan.step import METRICS
from gan_tf.storage.curves import curves_path, read_curves
from gan_tf.training.log import SCALARS, Log
from gan_tf.training.pictures import loss_plot


def session(run_dir, config, first, last):
    """One training session that writes every fifth step; the metrics are the step."""
    log = Log(run_dir, config, first, progress=False)
    for step in range(first + 1, last + 1):
        log.add(dict.fromkeys(METRICS, float(step)), 1)
        if step % 5 == 0:
            log.write(step)
        if step % 10 == 0:
            log.sample_grid(step, np.full((20, 20), step, np.uint8))
        log.end_step(step)
    return log


def events(run_dir):
    accumulator = EventAccumulator(str(run_dir / "tensorboard"), {"tensors": 0})
    accumulator.Reload()
    return accumulator


def steps_of(run_dir, tag):
    return [event.step for event in events(run_dir).Tensors(tag)]


def test_points_are_means_over_the_steps_since_the_last(tmp_path, tiny):
    with session(tmp_path, tiny(), 0, 20):
        pass
    curves = read_curves(tmp_path)
    assert curves.keys() == SCALARS.keys()
    for name in METRICS:
        assert curves[name] == ([5, 10, 15, 20], [3.0, 8.0, 13.0, 18.0])
    assert min(curves["steps_per_second"][1]) > 0


def test_a_resume_leaves_no_step_twice_and_none_out(tmp_path, tiny):
    killed = session(tmp_path, tiny(), 0, 23)  # logged up to 20, saved at 10
    with session(tmp_path, tiny(), 10, 25):
        pass
    killed.__exit__()
    assert steps_of(tmp_path, "d_loss") == [5, 10, 15, 20, 25]
    assert steps_of(tmp_path, "samples") == [10, 20]
    assert read_curves(tmp_path)["d_loss"][0] == [5, 10, 15, 20, 25]


def test_what_only_the_killed_session_logged_is_gone(tmp_path, tiny):
    killed = session(tmp_path, tiny(), 0, 20)
    with session(tmp_path, tiny(), 10, 15):
        pass
    killed.__exit__()
    assert steps_of(tmp_path, "d_loss") == [5, 10, 15]
    assert read_curves(tmp_path)["d_loss"][0] == [5, 10, 15]


def test_a_clock_that_went_backwards_changes_nothing(tmp_path, tiny):
    with session(tmp_path, tiny(), 0, 20):
        pass
    (path,) = (tmp_path / "tensorboard").iterdir()
    path.rename(path.with_name("events.out.tfevents.9999999999.later"))
    with session(tmp_path, tiny(), 10, 25):
        pass
    assert steps_of(tmp_path, "d_loss") == [5, 10, 15, 20, 25]


def test_a_run_killed_before_its_first_checkpoint_begins_again(tmp_path, tiny):
    for _ in range(2):
        with Log(tmp_path, tiny(), 0, progress=False) as log:
            log.describe("all")
            log.sample_grid(0, np.zeros((20, 20), np.uint8))
    assert steps_of(tmp_path, "samples") == [0]
    assert steps_of(tmp_path, "config") == [0]


def test_many_resumes_lose_nothing(tmp_path, tiny):
    for start in range(0, 120, 10):
        with session(tmp_path, tiny(), start, start + 10):
            pass
    assert steps_of(tmp_path, "g_loss") == list(range(5, 121, 5))
    assert read_curves(tmp_path)["g_loss"][0] == list(range(5, 121, 5))


def test_a_torn_event_file_keeps_what_it_has(tmp_path, tiny):
    with session(tmp_path, tiny(), 0, 20):
        pass
    (path,) = (tmp_path / "tensorboard").iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    with session(tmp_path, tiny(), 10, 20):
        pass
    assert steps_of(tmp_path, "d_loss") == [5, 10, 15, 20]


def test_the_newest_description_is_shown(tmp_path, tiny):
    for step, epochs in ((0, 20), (10, 77)):
        with session(tmp_path, tiny(epochs=epochs), step, step + 10) as log:
            log.describe(f"| epochs | {epochs} |")
    text = events(tmp_path).Tensors("config")
    assert [b"| epochs | 77 |" in e.tensor_proto.string_val[0] for e in text] == [True]
    folder = tmp_path / "tensorboard"
    (described,) = folder.glob("*.description")
    content = described.read_bytes()
    assert b"hparams" in content
    assert b"evaluation/recall" in content
    assert not list(folder.glob(".*"))


def test_columns_of_another_session_stay(tmp_path, tiny):
    names = ("d_loss", "g_loss", "old")
    with Log(tmp_path, tiny(), 0, progress=False, names=names) as log:
        log.add({"d_loss": 1.0, "g_loss": 1.0, "old": 2.0}, 1)
        log.write(1)
        log.end_step(1)
    with Log(tmp_path, tiny(), 1, progress=False, names=names[:2]) as log:
        log.add({"d_loss": 3.0, "g_loss": 1.0}, 1)
        log.write(2)
        log.end_step(2)
    curves = read_curves(tmp_path)
    assert curves["d_loss"] == ([1, 2], [1.0, 3.0])
    assert curves["old"] == ([1], [2.0])


@pytest.mark.parametrize(
    ("damage", "steps"),
    [
        (lambda text: text[:-3], [5, 10, 15]),  # cut by a crash: no warning
        (lambda text: "", []),
        (lambda text: text.replace("\n10,", "\nten,"), [5, 15, 20]),
        (lambda text: text.replace("\n10,", '\n"10,'), [5, 15, 20]),
        (lambda text: text.replace("\n10,", "\n10,1,2,"), [5, 15, 20]),
        (lambda text: text.replace("\n10,", "\n-1,"), [5, 15, 20]),
        (lambda text: text + "\0\n" + text, [5, 10, 15, 20]),
        (lambda text: "\0" * 200_000, []),  # what some file systems leave after a crash
    ],
)
@pytest.mark.filterwarnings("ignore:.*(are no rows and left out|as it was, in)")
def test_a_damaged_curves_file_keeps_its_whole_rows(tmp_path, tiny, damage, steps):
    with session(tmp_path, tiny(), 0, 20):
        pass
    path = curves_path(tmp_path)
    path.write_text(damage(path.read_text()))
    assert read_curves(tmp_path).get("d_loss", ([], []))[0] == steps
    with session(tmp_path, tiny(), 20, 25):
        pass
    assert read_curves(tmp_path)["d_loss"][0] == [*steps, 25]


def test_curves_that_a_spreadsheet_changed_are_kept_beside(tmp_path, tiny):
    with session(tmp_path, tiny(), 0, 20):
        pass
    changed = curves_path(tmp_path).read_text().replace(",", ";")
    curves_path(tmp_path).write_text(changed)
    with pytest.warns(UserWarning, match=r"as it was, in curves\.before-20\.csv"):
        session(tmp_path, tiny(), 20, 25).__exit__(None, None, None)
    assert (tmp_path / "curves.before-20.csv").read_text() == changed


@pytest.mark.parametrize("progress", [True, False])
def test_lines_when_the_output_is_no_terminal(tmp_path, tiny, capsys, progress):
    with Log(tmp_path, tiny(), 0, progress) as log:
        log.add(dict.fromkeys(METRICS, 1.25), 1)
        log.write(1)
    output, errors = capsys.readouterr()
    assert errors == ""
    if progress:
        assert output.startswith("step 1 of 20, d_loss 1.250, g_loss 1.250, ")
        assert "steps/s, 00:" in output
    else:
        assert output == ""


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_plot_shows_the_curves(objective):
    import io

    from PIL import Image

    def picture(level):
        curves = {
            tag: (list(range(10)), [level] * 10)
            for tag in ("d_loss", "g_loss", "d_real", "d_fake")
        }
        png = loss_plot(curves, "title", OBJECTIVES[objective])
        return np.asarray(Image.open(io.BytesIO(png)).convert("L"))

    assert picture(0.5).shape == (720, 960)
    assert (picture(0.5) != picture(0.9)).any()
    assert loss_plot({}, "empty run", OBJECTIVES[objective])[:4] == b"\x89PNG"


def test_a_full_disk_is_reported_in_one_sentence(tmp_path, tiny, monkeypatch):
    import tensorflow as tf

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(
            None, None, "{{node x}} /a/file; No space left on device\n\tand more"
        )

    with Log(tmp_path, tiny(), 0, progress=False) as log:
        log.add(dict.fromkeys(METRICS, 1.0), 1)
        monkeypatch.setattr(tf.summary, "scalar", full)
        with pytest.raises(UserError, match=r"No space left on device\. Fix") as caught:
            log.write(1)
    assert f"cannot write {tmp_path / 'tensorboard'}: No space" in str(caught.value)
