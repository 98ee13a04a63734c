"""Network definitions. They need TensorFlow, so only the builder's own process imports them."""
