"""Values: plain, immutable, importing nothing else of the package."""
