"""From sentences to the arrays and tensors that an encoder reads, and from label scores back to spans."""
