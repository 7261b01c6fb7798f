"""The stream of changes: what every page hears, and how many connections the pages of one browser may hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi.testclient import TestClient

from studio.studio import Studio
from studio.ui.feed import STREAMS, Feed


async def heard(stream: AsyncIterator[str], event: str) -> str:
    """The data of the next such event."""
    async with asyncio.timeout(20):
        async for text in stream:
            if text.startswith(f"event: {event}\n"):
                return text.partition("data: ")[2]
    raise AssertionError(f"the stream ended without {event}")


def test_the_oldest_page_lets_go_of_its_stream_when_newer_ones_need_it(studio: Studio, project: str) -> None:
    async def pages() -> tuple[int, list[str]]:
        feed = Feed(studio)
        streams = [feed.stream(project) for _ in range(STREAMS + 1)]
        states = [json.loads(await heard(stream, "state")) for stream in streams]
        await heard(streams[0], "rest")
        left = [text async for text in streams[0]]
        feed.note("told", "later")
        later = json.loads(await heard(streams[1], "state"))
        while later["notes"] != {"told": "later"}:
            later = json.loads(await heard(streams[1], "state"))
        feed.close()
        return states[1]["windows"], left

    assert asyncio.run(pages()) == (2, [])


def test_a_page_without_a_stream_reads_the_same_state(client: TestClient, project: str) -> None:
    state = client.get("/gimbal/api/state", params={"project": project}).json()
    assert state["windows"] == 0 and {"running", "waiting", "failed", "paused", "notes"} <= state.keys()
