import numpy as np
import pytest

from gan_tf.data.stream import pass_order, stream


def batches(images, start, count, batch_size=16, steps_per_chunk=3, seed=0):
    """The batches `start` to `start + count` as one array of pixels."""
    chunks = iter(stream(images, batch_size, steps_per_chunk, seed, start))
    needed = -(-count // steps_per_chunk)
    return np.concatenate([next(chunks)[0].numpy() for _ in range(needed)])[:count]


def numbered(count):
    """Images that carry their own number in the first two pixels."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(count) // 256, np.arange(count) % 256
    return images


def numbers(stack):
    return (stack[..., 0].astype(int) * 256 + stack[..., 1]).ravel()


def test_each_pass_is_a_new_permutation_and_passes_join_end_to_end():
    images = numbered(50)  # 16 does not divide 50
    seen = numbers(batches(images, 0, 25))
    assert len(seen) == 8 * 50
    passes = seen.reshape(8, 50)
    for order in passes:
        np.testing.assert_array_equal(np.sort(order), np.arange(50))
    assert len(np.unique(passes, axis=0)) == 8


def test_the_order_of_a_pass_is_that_of_its_batches():
    seen = numbers(batches(numbered(64), 4, 4))  # the second pass
    np.testing.assert_array_equal(pass_order(64, 0, 1), seen)


@pytest.mark.parametrize("start", [1, 3, 4, 25, 40])
def test_a_stream_can_start_at_any_step(start):
    images = numbered(50)
    whole = batches(images, 0, start + 9)
    np.testing.assert_array_equal(batches(images, start, 9), whole[start:])


def test_chunk_length_does_not_change_the_batches():
    images = numbered(50)
    whole = batches(images, 0, 12, steps_per_chunk=12)
    np.testing.assert_array_equal(batches(images, 0, 12, steps_per_chunk=5), whole)


def test_a_batch_may_be_larger_than_the_data():
    seen = numbers(batches(numbered(10), 2, 2, batch_size=25, steps_per_chunk=1))
    assert len(seen) == 50
    for order in seen.reshape(5, 10):
        np.testing.assert_array_equal(np.sort(order), np.arange(10))


def test_seeds_give_other_orders_and_chunks_have_their_shape():
    images = numbered(50)
    first, second = batches(images, 0, 3), batches(images, 0, 3, seed=1)
    assert (numbers(first) != numbers(second)).any()
    assert (first.shape, first.dtype) == ((3, 16, 784), np.uint8)
    chunk, labels = next(stream(images, 16, 3, 0))
    assert labels is None
    assert chunk.shape == (3, 16, 784)
    assert chunk.dtype == np.uint8
