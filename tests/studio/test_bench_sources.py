"""The memory benchmark of sources at toy size: it watches the process that really does the work."""

from __future__ import annotations

from studio.bench import sources


def test_each_wish_is_watched_in_the_process_that_does_it() -> None:
    extent = sources.Extent(seconds=2, rate=2, size=(192, 108))
    found = {measure.name.partition(":")[0]: measure for measure in sources.measure(lambda text: None, extent)}
    assert set(found) == {"edges", "depth", "a mask that is followed", "a result laid back over it"}
    for measure in found.values():
        assert 0 <= measure.value < measure.beside["all of it, MiB"]
        assert measure.verdict == "kept"
    assert found["depth"].beside["all of it, MiB"] > found["edges"].beside["all of it, MiB"]
