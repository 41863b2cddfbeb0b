"""Panel to numbers: pure functions of frames, without files, notebooks or figures."""
