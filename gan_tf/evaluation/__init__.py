"""How good samples are: metrics, the classifier, the scores of a set of samples."""
