import threading
import time

import pytest

from rtstyle_streams.pacing import FrameClock, FramePool, Latest, RateMeter


def test_latest_gives_the_newest_item_and_counts_the_others() -> None:
    box: Latest[int] = Latest()
    for item in (1, 2, 3):
        box.put(item)
    assert box.take() == 3
    assert box.num_dropped == 2
    assert box.take(timeout_seconds=0.001) is None


def test_closed_latest_still_gives_its_last_item_and_then_ends() -> None:
    box: Latest[int] = Latest()
    box.put(7)
    box.close()
    box.put(8)
    assert list(box) == [7]
    assert box.is_closed


def test_discarding_close_gives_nothing_more() -> None:
    box: Latest[int] = Latest()
    box.put(7)
    box.close(discard=True)
    assert list(box) == []


def test_close_wakes_a_thread_that_waits() -> None:
    box: Latest[int] = Latest()
    seen: list[int | None] = []
    thread = threading.Thread(target=lambda: seen.append(box.take()))
    thread.start()
    box.close()
    thread.join(1)
    assert seen == [None]


def test_items_keep_their_order_between_threads() -> None:
    box: Latest[int] = Latest()
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.extend(box))
    thread.start()
    for item in range(2000):
        box.put(item)
    box.close()
    thread.join(2)
    assert seen == sorted(set(seen))
    assert seen[-1] == 1999
    assert len(seen) + box.num_dropped == 2000


def test_frame_clock_does_not_drift() -> None:
    clock = FrameClock(200)
    start = time.perf_counter()
    for _ in range(21):
        clock.wait()
    assert time.perf_counter() - start >= 20 / 200 - 0.001


def test_frame_clock_starts_anew_after_a_long_delay() -> None:
    clock = FrameClock(4)
    clock.wait()
    time.sleep(0.6)
    clock.wait()  # late: this one comes at once
    start = time.perf_counter()
    clock.wait()
    assert time.perf_counter() - start > 0.05


def test_stop_ends_the_sleep_of_a_frame_clock() -> None:
    clock, stop = FrameClock(0.1), threading.Event()
    stop.set()
    start = time.perf_counter()
    clock.wait(stop)
    clock.wait(stop)
    assert time.perf_counter() - start < 8


@pytest.mark.parametrize(("num_ticks", "rate"), [(0, 0.0), (1, 0.0), (11, 10.0)])
def test_rate_meter_counts_ticks_per_second(num_ticks: int, rate: float) -> None:
    meter = RateMeter(window_seconds=2)
    for tick in range(num_ticks):
        meter.tick(now=100 + tick / 10)
    assert meter.rate(now=101.0) == pytest.approx(rate)


def test_rate_meter_forgets_what_is_long_ago() -> None:
    meter = RateMeter(window_seconds=2)
    meter.tick(now=1)
    meter.tick(now=2)
    assert meter.rate(now=50) == 0


def test_pool_lends_a_buffer_again_once_nothing_refers_to_it() -> None:
    pool = FramePool(width=8, height=4)
    first = pool.take()
    assert first.shape == (4, 8, 3)
    address = first.ctypes.data
    second = pool.take()
    assert second.ctypes.data != address
    del first
    assert pool.take().ctypes.data == address


def test_pool_keeps_a_buffer_out_while_a_view_of_it_lives() -> None:
    pool = FramePool(width=8, height=4)
    part = pool.take()[:, ::-1]
    part[:] = 7
    pool.take()[:] = 9
    assert (part == 7).all()


def test_pool_gives_more_than_it_keeps() -> None:
    pool = FramePool(width=8, height=4, max_buffers=2)
    lent = [pool.take() for _ in range(5)]
    assert len({buffer.ctypes.data for buffer in lent}) == 5
    assert len(pool) == 2
