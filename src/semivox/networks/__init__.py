"""Neural networks: parts, architectures, and the blueprint that assembles them."""
