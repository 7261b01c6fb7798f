"""Messages go through whole, from several threads, until the other side ends."""

from __future__ import annotations

import os
import threading

import pytest

from studio.jobs.events import Progressed, Stop
from studio.jobs.pipe import Pipe


def ends() -> tuple[Pipe, Pipe]:
    (a_in, b_out), (b_in, a_out) = os.pipe(), os.pipe()
    first = Pipe(os.fdopen(a_in, "rb"), os.fdopen(a_out, "wb"))
    return first, Pipe(os.fdopen(b_in, "rb"), os.fdopen(b_out, "wb"))


def test_messages_of_many_threads_arrive_whole() -> None:
    here, there = ends()
    preview = bytes(range(256)) * 400

    def say(name: str) -> None:
        for number in range(20):
            here.send(
                Progressed(
                    job_id=name, stage="denoising", step=number, steps=20, fraction=0, eta_seconds=None, preview=preview
                )
            )

    threads = [threading.Thread(target=say, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    heard = [there.receive() for _ in range(60)]
    for thread in threads:
        thread.join()
    for name in "abc":
        assert [m.step for m in heard if m.job_id == name] == list(range(20))
    assert all(m.preview == preview for m in heard)
    here.close()
    there.close()


def test_the_end_of_the_other_side_is_told() -> None:
    here, there = ends()
    assert here.send(Stop(job_id="a"))
    here.close()
    assert there.receive() == Stop(job_id="a")
    with pytest.raises(EOFError):
        there.receive()
    assert not there.send(Stop(job_id="b"))
    there.close()
