"""Whole runs: what they leave, how they continue, how they end."""

import itertools
import signal
import threading

import numpy as np
import pytest
import tensorflow as tf

import gan_tf
import gan_tf.train as train_command
from gan_tf import images
from gan_tf.data import sources
from gan_tf.errors import UserError
from gan_tf.gan.sampling import sample
from gan_tf.gan.state import build_gan
from gan_tf.storage import checkpoints, run_directory
from gan_tf.storage.curves import read_curves
from gan_tf.training import loop, pictures, plan, schedule
from tests.conftest import TINY, flags_of, state_of


def assert_same(one, other):
    for a, b in zip(state_of(one), state_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


def train(config, run_dir):
    return gan_tf.train(config, run_dir, progress=False)


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """One finished run of 40 steps."""
    config = gan_tf.Config(**TINY, data_dir=str(data_dir), epochs=40)
    run_dir = tmp_path_factory.mktemp("finished")
    return config, run_dir, train(config, run_dir)


def test_a_run_leaves_everything_the_readme_names(finished):
    _, run_dir, gan = finished
    assert int(gan.step) == 40
    files = {str(p.relative_to(run_dir)) for p in run_dir.rglob("*") if p.is_file()}
    grids = {f"samples/step-{step:08d}.png" for step in (0, 10, 20, 30, 40)}
    final = {"samples.png", "losses.png", "training.gif", "curves.csv"}
    assert {"config.json"} | grids | final <= files
    saved = [checkpoints.step_of(path) for path in checkpoints.saved(run_dir)]
    assert saved == [40, 30, 20]
    assert not [name for name in files if ".part" in name]
    curves = read_curves(run_dir)
    assert curves["d_loss"][0] == list(range(5, 41, 5))


def test_the_sample_grids_change_and_the_last_is_samples_png(finished):
    _, run_dir, _ = finished
    grids = [
        images.read_png(run_directory.sample_grid_path(run_dir, step))
        for step in range(0, 41, 10)
    ]
    for one, other in itertools.combinations(grids, 2):
        assert (one != other).any()
    np.testing.assert_array_equal(images.read_png(run_dir / "samples.png"), grids[-1])


def test_training_moves_towards_the_data(finished, tiny, tmp_path):
    """A run long enough to see the mean image appear."""
    rarely = {"save_every": 300, "sample_every": 300, "log_every": 100}
    gan = train(tiny(epochs=300, learning_rate=3e-3, **rarely), tmp_path)
    real = sources.load("auto", str(finished[0].data_dir)).images.mean(axis=0) / 255
    generated = sample(gan.sampler, 0, 200).mean(axis=0) / 255
    blank = np.full_like(generated, 0.5)
    assert np.abs(generated - real).mean() < 0.5 * np.abs(blank - real).mean()


def test_a_finished_run_is_left_alone(finished, capsys):
    config, run_dir, gan = finished
    before = {p: p.stat().st_mtime_ns for p in (run_dir / "checkpoints").rglob("*")}
    again = gan_tf.train(config, run_dir)
    assert "is finished: 40 steps done" in capsys.readouterr().out
    assert_same(again, gan)
    after = {p: p.stat().st_mtime_ns for p in (run_dir / "checkpoints").rglob("*")}
    assert before == after


def test_pictures_that_a_kill_prevented_are_made_by_the_next_command(tiny, tmp_path):
    config = tiny(epochs=12)
    train(config, tmp_path)
    for name in ("samples.png", "losses.png", "training.gif"):
        (tmp_path / name).unlink()
    train(config, tmp_path)
    assert (tmp_path / "training.gif").exists()
    old = (tmp_path / "samples.png").read_bytes()
    train(tiny(epochs=24), tmp_path)
    assert (tmp_path / "samples.png").read_bytes() != old


def test_more_epochs_extend_a_run_exactly(finished, tiny, tmp_path):
    train(tiny(epochs=17), tmp_path)
    extended = train(tiny(epochs=40), tmp_path)
    assert_same(extended, finished[2])


def test_intervals_and_call_length_do_not_change_the_result(finished, tiny, tmp_path):
    other = tiny(
        epochs=40, steps_per_call=11, log_every=3, sample_every=16, save_every=9
    )
    assert_same(train(other, tmp_path), finished[2])


def test_a_run_that_is_killed_continues_bit_for_bit(tiny, tmp_path, fork_server):
    """Compiled and with labels; `faults/test_kill.py` has the others."""
    # Ends at the next multiple of 10 after the kill, twice as far as the first half.
    way = {"jit_compile": True, "conditional": True}
    config = tiny(epochs=10**6, save_every=20, **way)
    process = fork_server.start(config, tmp_path / "killed")
    assert process.wait_for("step 45 of")
    process.signal(signal.SIGKILL)
    half = checkpoints.step_of(checkpoints.saved(tmp_path / "killed")[0])
    whole = tiny(epochs=2 * half, save_every=20, **way)
    resumed = train(whole, tmp_path / "killed")
    assert int(resumed.step) == 2 * half
    assert_same(resumed, train(whole, tmp_path / "undisturbed"))
    curves = [
        read_curves(tmp_path / name)["g_loss"] for name in ("killed", "undisturbed")
    ]
    assert curves[0][0] == curves[1][0]
    np.testing.assert_allclose(curves[0][1], curves[1][1], rtol=1e-6)  # sums of parts
    leftovers = [p for p in (tmp_path / "killed").rglob(".*") if p.is_file()]
    assert leftovers == []


@pytest.fixture
def signal_at(monkeypatch):
    """Makes this process receive a signal as it logs a step, as a terminal's does.

    A test run in the background or under nohup inherits ignored signals.
    """
    inherited = {}

    def arrange(step, number, ignored=False):
        usual = (
            signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )
        handler = signal.SIG_IGN if ignored else usual
        inherited[number] = signal.signal(number, handler)

        def writing(log, now):
            if now == step:
                signal.raise_signal(number)
            return write(log, now)

        write = loop.Log.write
        monkeypatch.setattr(loop.Log, "write", writing)

    yield arrange
    for number, handler in inherited.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_save_and_say_how_to_go_on(tiny, tmp_path, invoke, signal_at, number):
    """In this process; `faults/test_kill.py` sends one to the real command."""
    config = tiny(epochs=60, save_every=10**6, log_every=10, sample_every=10**6)
    signal_at(20, number)
    handler = signal.getsignal(number)
    code, *streams = invoke(train_command, *flags_of(config), f"--run_dir={tmp_path}")
    assert code == 128 + number
    message = f"stopped by {number.name} at step 20, saved; the same command goes on"
    assert message in "".join(streams)
    assert signal.getsignal(number) is handler
    (saved,) = checkpoints.saved(tmp_path)
    assert checkpoints.step_of(saved) == 20
    if number == signal.SIGTERM:
        assert int(train(tiny(epochs=21), tmp_path).step) == 21


def test_training_works_outside_the_main_thread(tiny, tmp_path):
    thread = threading.Thread(target=train, args=(tiny(epochs=3), tmp_path))
    thread.start()
    thread.join()
    assert [checkpoints.step_of(path) for path in checkpoints.saved(tmp_path)] == [3]


def test_losses_that_are_not_finite_stop_the_run(tiny, tmp_path):
    config = tiny(
        epochs=200, learning_rate=1e18, output_activation="linear", save_every=1
    )
    with pytest.raises(
        UserError, match=r"between steps \d+ and \d+; the last"
    ) as caught:
        train(config, tmp_path)
    newest = checkpoints.saved(tmp_path)[0]
    assert str(newest) in str(caught.value)
    weights = checkpoints.load_generator(tmp_path, averaged=False).get_weights()
    assert all(np.isfinite(w).all() for w in weights)


def test_the_optional_stop_rule(tiny, tmp_path, capsys):
    config = tiny(epochs=500, stop_g_loss=100.0)
    gan = train(config, tmp_path)
    assert int(gan.step) == 5  # the first mean of the losses
    assert (tmp_path / "samples.png").exists()
    gan = gan_tf.train(config, tmp_path)
    assert int(gan.step) == 5
    assert "is finished" in capsys.readouterr().out
    assert int(train(tiny(epochs=20), tmp_path).step) == 20  # without the rule


def test_a_plan_changes_nothing(finished, tiny, tmp_path):
    text = plan.plan(tiny(epochs=30), tmp_path / "new")
    assert "--latent_dim 4" in text
    assert "new, from step 0" in text
    assert "to do: 30 steps, 1.0 passes over the data; 3 sample grids" in text
    assert list(tmp_path.iterdir()) == []
    config, run_dir, _ = finished
    assert "to do: 0 steps" in plan.plan(config, run_dir)
    with pytest.raises(UserError, match="another configuration"):
        plan.plan(tiny(seed=8), run_dir)


def test_more_rows_of_curves_than_can_be_read_again_are_refused(tiny, tmp_path):
    for call in (plan.plan, train):
        with pytest.raises(UserError, match="give 3 or more"):
            call(tiny(epochs=1_000_000, log_every=2), tmp_path)
        call(tiny(epochs=5, log_every=5), tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 3 TiB"),
        tf.errors.ResourceExhaustedError(
            None, None, "{{function_node x}} OOM when allocating [Op:Mul] name: \nmore"
        ),
    ],
)
def test_too_little_memory_is_one_sentence(tiny, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(loop, "_train", fail)
    words = (
        r"not enough memory for this run \((Unable to|OOM when) allocat[^:]*\); give"
    )
    with pytest.raises(UserError, match=words):
        train(tiny(), tmp_path)


@pytest.mark.parametrize("name", ["samples", "tensorboard", "checkpoints"])
def test_a_place_that_cannot_be_written_is_found_before_the_work(tiny, tmp_path, name):
    (tmp_path / name).write_text("mine")
    for call in (plan.plan, train):
        with pytest.raises(UserError, match=f"{name} is no folder"):
            call(tiny(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {name, "lock"}


def test_a_folder_in_the_place_of_a_picture_is_found_before_the_work(tiny, tmp_path):
    (tmp_path / "samples.png").mkdir()
    for call in (plan.plan, train):
        with pytest.raises(UserError, match=r"samples\.png is a folder"):
            call(tiny(), tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "data.png",
        "training.gif",
        "samples/step-1.png",
        "tensorboard/events.out.tfevents.1",
    ],
)
def test_a_new_run_replaces_nobodys_files(tiny, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    for call in (plan.plan, train):
        with pytest.raises(UserError, match=r"holds no run .* would replace"):
            call(tiny(), tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_events_split_calls_and_nothing_is_skipped(tiny, data_dir):
    config = tiny(epochs=33, steps_per_call=8, log_every=5, sample_every=6)
    data = sources.load("auto", str(data_dir))
    gan = build_gan(config)
    for begin in (0, 13):
        step = begin
        for (batches, labels), first, last in schedule.calls(gan, data, config, begin):
            assert 0 <= first < last <= len(batches)
            assert labels is None
            assert first == (step - begin) % 8
            step += last - first
            inside = range(step - (last - first) + 1, step)
            assert all(s % every for s in inside for every in (5, 6, 10))
        assert step == 33


def test_the_animation_has_a_bounded_number_of_frames(tiny, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(pictures, "_MAX_FRAMES", 10)
    train(tiny(epochs=24, sample_every=1, save_every=1000), tmp_path)
    assert len(list((tmp_path / "samples").iterdir())) == 25
    with Image.open(tmp_path / "training.gif") as animation:
        assert 5 < animation.n_frames <= 10
        animation.seek(animation.n_frames - 1)
        last = np.asarray(animation.convert("L")).astype(int)
    sample_grid = images.read_png(run_directory.sample_grid_path(tmp_path, 24))
    np.testing.assert_allclose(last, sample_grid, atol=6)  # a GIF has fewer greys


def test_a_signal_that_is_ignored_stays_ignored(tiny, tmp_path, signal_at):
    """As `nohup` has it with SIGHUP."""
    signal_at(10, signal.SIGHUP, ignored=True)
    assert int(train(tiny(), tmp_path).step) == 20


def test_an_interruption_from_python_is_a_keyboard_interrupt(tiny, tmp_path, signal_at):
    signal_at(10, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"at step 10, saved"):
        train(tiny(save_every=10**6), tmp_path)
    assert checkpoints.saved(tmp_path)


def test_the_last_step_is_always_sampled(tiny, tmp_path):
    train(tiny(epochs=17, sample_every=10), tmp_path)
    assert sorted(run_directory.sample_grids(tmp_path)) == [0, 10, 17]


def test_d_steps_take_batches_of_their_own(tiny, data_dir):
    config = tiny(epochs=4, d_steps=3)
    data = sources.load("auto", str(data_dir))
    gan = build_gan(config)
    (images, _), _, _ = next(schedule.calls(gan, data, config, 0))
    assert images.shape == (7, 3 * 16, 784)


def test_the_grid_of_a_conditional_run_has_a_row_for_each_class(tiny, tmp_path):
    train(tiny(epochs=2, conditional=True), tmp_path)
    assert images.read_png(tmp_path / "samples.png").shape[0] > 10 * 28


def test_negative_losses_do_not_stop_a_run(tiny, tmp_path):
    gan = train(tiny(epochs=20, objective="wasserstein", gp_weight=10.0), tmp_path)
    assert int(gan.step) == 20
