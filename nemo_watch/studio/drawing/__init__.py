"""From a draft to an MP4: the plan in whole frames, the sources, what lies over them, the encoder."""
