"""One version's way to a video: what is to be done, the steps in order, and the journal that remembers them."""
