"""Where the images come from: readers, the image set, the stream of batches."""
