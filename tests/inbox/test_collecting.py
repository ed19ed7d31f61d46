"""Fewer collections within the block, as before after it, and never none."""

from __future__ import annotations

import gc

import pytest

from nemo_watch.inbox import collecting
from nemo_watch.inbox.collecting import OBJECTS_BETWEEN, rare_collections


@pytest.fixture(autouse=True)
def usual():
    """Python's own thresholds around each test."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)
    assert collecting._within == []


def test_collections_are_rare_within_and_usual_after():
    with rare_collections():
        assert gc.get_threshold() == (OBJECTS_BETWEEN, 10, 10)
        assert gc.isenabled(), "a look that hangs must not leave the daemon without a collector"
    assert gc.get_threshold() == (700, 10, 10)


def test_an_exception_brings_the_usual_back():
    with pytest.raises(OSError, match="gone"), rare_collections():
        raise OSError("gone")
    assert gc.get_threshold() == (700, 10, 10)


def test_blocks_that_overlap_bring_the_usual_back_with_the_last():
    """Two looks in two threads: the first to begin may be the first to end."""
    first, second = rare_collections(), rare_collections()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == OBJECTS_BETWEEN
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("usual", [0, 5_000_000])
def test_who_wants_fewer_still_or_none_is_not_overruled(usual):
    gc.set_threshold(usual, 10, 10)
    with rare_collections():
        assert gc.get_threshold()[0] == usual
    assert gc.get_threshold()[0] == usual
