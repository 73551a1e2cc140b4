import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_tf.errors import UserError
from gan_tf.gan.step import METRICS
from gan_tf.training import summary


def session(folder, config, first, last):
    """One training session that writes every fifth step; the metrics are the step."""
    log = summary.Summary(folder, config, first, progress=False)
    for step in range(first + 1, last + 1):
        log.add(dict.fromkeys(METRICS, float(step)), 1)
        if step % 5 == 0:
            log.write(step)
        if step % 10 == 0:
            log.sample_grid(step, np.full((20, 20), step, np.uint8))
    return log


def test_points_are_means_over_the_steps_since_the_last(tmp_path, tiny):
    with session(tmp_path, tiny(), 0, 20):
        pass
    curves = summary.read_scalars(tmp_path)
    assert curves.keys() == summary.SCALARS.keys()
    for name in METRICS:
        assert curves[name] == ([5, 10, 15, 20], [3.0, 8.0, 13.0, 18.0])
    assert min(curves["steps_per_second"][1]) > 0


def test_a_resume_leaves_no_step_twice_and_none_out(tmp_path, tiny):
    killed = session(tmp_path, tiny(), 0, 20)  # told up to 20, saved at 10
    with session(tmp_path, tiny(), 10, 25):
        pass
    killed.__exit__()
    accumulator = EventAccumulator(str(tmp_path), {"tensors": 0, "images": 0})
    accumulator.Reload()
    steps = [event.step for event in accumulator.Tensors("d_loss")]
    assert steps == [5, 10, 15, 20, 25]
    assert [event.step for event in accumulator.Tensors("samples")] == [10, 20]


def test_a_run_killed_before_its_first_checkpoint_tells_step_0_once(tmp_path, tiny):
    for _ in range(2):
        with summary.Summary(tmp_path, tiny(), 0, progress=False) as log:
            log.describe("all")
            log.sample_grid(0, np.zeros((20, 20), np.uint8))
    accumulator = EventAccumulator(str(tmp_path), {"tensors": 0})
    accumulator.Reload()
    assert [event.step for event in accumulator.Tensors("samples")] == [0]
    assert [event.step for event in accumulator.Tensors("config")] == [0]


def test_many_resumes_leave_two_files(tmp_path, tiny):
    for start in range(0, 50, 10):
        with session(tmp_path, tiny(), start, start + 10):
            pass
    assert len(list(tmp_path.iterdir())) == 2
    assert summary.read_scalars(tmp_path)["g_loss"][0] == list(range(5, 51, 5))


def test_a_torn_event_file_keeps_what_it_has(tmp_path, tiny):
    with session(tmp_path, tiny(), 0, 20):
        pass
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    assert summary.read_scalars(tmp_path)["d_loss"][0][:3] == [5, 10, 15]
    with session(tmp_path, tiny(), 10, 20):
        pass
    assert summary.read_scalars(tmp_path)["d_loss"][0] == [5, 10, 15, 20]


def test_the_configuration_is_text_and_hyperparameters(tmp_path, tiny):
    with summary.Summary(tmp_path, tiny(seed=4), 0, progress=False) as log:
        log.describe("| seed | 4 |")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"| seed | 4 |" in content
    assert b"hparams" in content
    assert b"generator_units" in content


@pytest.mark.parametrize("progress", [True, False])
def test_lines_when_the_output_is_no_terminal(tmp_path, tiny, capsys, progress):
    with summary.Summary(tmp_path, tiny(), 0, progress) as log:
        log.add(dict.fromkeys(METRICS, 1.25), 1)
        log.write(1)
    output, errors = capsys.readouterr()
    assert errors == ""
    if progress:
        assert output.startswith("step 1 of 20, d_loss 1.250, g_loss 1.250, ")
        assert "steps/s, 00:" in output
    else:
        assert output == ""


def test_the_loss_plot_draws_the_curves():
    import io

    from PIL import Image

    def picture(level):
        curves = {
            tag: (list(range(10)), [level] * 10)
            for tag in ("d_loss", "g_loss", "d_real", "d_fake")
        }
        png = summary.loss_plot(curves, "title")
        return np.asarray(Image.open(io.BytesIO(png)).convert("L"))

    assert picture(0.5).shape == (720, 960)
    assert (picture(0.5) != picture(0.9)).any()
    assert summary.loss_plot({}, "empty run")[:4] == b"\x89PNG"


def test_a_disk_that_is_full_is_told_in_one_sentence(tmp_path, tiny, monkeypatch):
    import tensorflow as tf

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(
            None, None, "{{node x}} /a/file; No space left on device\n\tand more"
        )

    with summary.Summary(tmp_path, tiny(), 0, progress=False) as log:
        log.add(dict.fromkeys(METRICS, 1.0), 1)
        monkeypatch.setattr(tf.summary, "scalar", full)
        with pytest.raises(UserError, match="No space left on device; what") as caught:
            log.write(1)
    assert str(caught.value).startswith(f"cannot write {tmp_path}: No space")
