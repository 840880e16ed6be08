"""The parts of the side-by-side benchmark; `peers` puts them together."""
