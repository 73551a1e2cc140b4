from gan_tf.evaluation.origin import Origin


def test_the_name_says_what_the_samples_are():
    assert str(Origin(step=500)) == "step 500"
    assert str(Origin("x.npz")) == "x.npz"
    assert str(Origin("mnist", 30000)) == "mnist step 30000"
    assert str(Origin("x.npz", like_mnist=False)) == "x.npz, unlike MNIST"
    of_letters = Origin(step=5, data="letters", like_mnist=False)
    assert str(of_letters) == "step 5 of a run on letters, not MNIST"
