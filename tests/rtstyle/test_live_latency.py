import pytest

from rtstyle.live.latency import LatencyMeter, audio_offset_ms


def meter_of(*times_ms: float, capacity: int = 1000) -> LatencyMeter:
    meter = LatencyMeter(capacity=capacity)
    for time_ms in times_ms:
        meter.add_ns(int(time_ms * 1e6))
    return meter


def test_percentiles_are_times_that_occurred() -> None:
    latency = meter_of(*range(1, 101)).summary()
    assert (latency.p50_ms, latency.p95_ms, latency.p99_ms) == (51, 96, 100)
    assert (latency.num_samples, latency.max_ms) == (100, 100)


def test_a_full_ring_forgets_the_oldest() -> None:
    meter = meter_of(1000, 1, 2, 3, capacity=3)
    assert meter.summary().max_ms == 3
    assert meter.num_added == 4


def test_summary_of_the_last_few() -> None:
    assert meter_of(50, 50, 1, 2, capacity=4).summary(last=2).max_ms == 2


def test_nothing_measured_is_said_and_not_zero_milliseconds() -> None:
    assert str(meter_of().summary()) == "nothing measured"


def test_audio_offset_is_the_typical_age_rounded_to_ten() -> None:
    assert audio_offset_ms(meter_of(62, 63, 64, 900).summary()) == pytest.approx(60)
