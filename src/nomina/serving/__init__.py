"""A model behind HTTP: JSON in, entities out, many clients at once."""
