"""The studio's page as people use it, in a real browser."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.browser.conftest import OPEN, OpenPage, until
from tests.studio_server import Running, wait_for
from tests.tiny_paintings import write_painting

PIXEL = """(() => { const c = document.getElementById('picture');
  const d = c.getContext('2d').getImageData(%s * c.width, %s * c.height, 1, 1).data;
  return [d[0], d[1], d[2]]; })()"""


def drop(page: Any, place: str, name: str, kind: str, data: bytes) -> None:
    """Drop a file on the page, as a person does with the mouse."""
    page.evaluate(
        """([place, name, kind, text]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type: kind }));
          const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
          document.querySelector(place).dispatchEvent(new DragEvent("drop", event));
        }""",
        [place, name, kind, base64.b64encode(data).decode()],
    )


def test_the_secret_leaves_the_address_and_survives_a_reload(
    open_page: OpenPage,
) -> None:
    page = open_page()
    assert "token" not in page.url
    page.reload()
    until(page, "document.getElementById('cover').hidden")


def test_the_first_picture_comes_within_3_seconds(open_page: OpenPage) -> None:
    began = time.monotonic()
    open_page()
    assert time.monotonic() - began < 6, "twice, for a busy machine"


def test_without_the_secret_the_page_says_what_to_do(open_page: OpenPage) -> None:
    page = open_page(secret="", wait=False)
    until(page, "document.getElementById('cover').textContent.includes('printed')")


def test_a_slider_changes_the_controls(open_page: OpenPage, studio: Running) -> None:
    page = open_page()
    page.locator("#c-strength").fill("0.25")
    wait_for(lambda: studio.state()["controls"]["strength"] == 0.25)
    page.get_by_role("button", name="for all").click()
    wait_for(lambda: studio.state()["controls"]["mirror"] == "all")
    page.get_by_role("button", name="for me").click()
    page.get_by_label("Keep colours").check()
    wait_for(lambda: studio.state()["controls"]["keep_colors"])
    page.get_by_label("Keep colours").uncheck()
    page.locator("#c-strength").fill("1")
    wait_for(lambda: studio.state()["controls"]["strength"] == 1.0)


def test_the_line_between_before_and_after_is_dragged(
    open_page: OpenPage, studio: Running
) -> None:
    page = open_page()
    page.get_by_role("button", name="Before / after").click()
    line = page.locator("#split")
    line.wait_for()
    wait_for(lambda: studio.state()["controls"]["split"] == 0.5)
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60, steps=4)
    page.mouse.up()
    wait_for(lambda: abs(studio.state()["controls"]["split"] - 0.25) < 0.02)
    line.focus()
    page.keyboard.press("ArrowRight")
    wait_for(lambda: abs(studio.state()["controls"]["split"] - 0.27) < 0.02)
    page.get_by_role("button", name="Before / after").click()
    wait_for(lambda: studio.state()["controls"]["split"] == 0.0)


def test_a_style_is_chosen_and_mixed_with_another(
    open_page: OpenPage, studio: Running
) -> None:
    page = open_page()
    page.get_by_role("button", name="The Scream").first.click()
    wait_for(lambda: studio.state()["style"]["parts"][0]["id"] == "scream")
    page.get_by_role("button", name="Mix in Water Lilies").click()
    wait_for(lambda: len(studio.state()["style"]["parts"]) == 2)
    page.locator("#mixture input").first.fill("0.9")
    wait_for(lambda: studio.state()["style"]["parts"][0]["weight"] == 0.9)
    page.get_by_role("button", name="Negative").first.click()
    wait_for(lambda: len(studio.state()["style"]["parts"]) == 1)


def test_a_painting_is_dropped_and_shown(
    open_page: OpenPage, studio: Running, tmp_path: Path
) -> None:
    page = open_page()
    data = write_painting(tmp_path / "red.png", (200, 0, 0)).read_bytes()
    drop(page, "#picture", "my red.png", "image/png", data)
    wait_for(lambda: studio.state()["style"]["has_strength"])
    page.locator("#c-style_strength").wait_for()
    page.locator("#c-style_strength").fill("0.5")
    wait_for(lambda: studio.state()["controls"]["style_strength"] == 0.5)
    page.locator("#c-style_strength").fill("1")
    page.get_by_role("button", name="Negative").first.click()
    wait_for(lambda: not studio.state()["style"]["has_strength"])
    page.get_by_role("button", name="Remove my red").click()
    wait_for(
        lambda: not any(style["is_painting"] for style in studio.state()["styles"])
    )


def test_what_is_no_painting_is_refused_in_one_line(open_page: OpenPage) -> None:
    page = open_page()
    drop(page, "#picture", "drawing.svg", "image/svg+xml", b"<svg/>")
    until(page, "document.querySelector('#notice.bad')?.textContent.includes('svg')")


def test_a_film_is_painted_and_fetched(
    open_page: OpenPage, studio: Running, tmp_path: Path
) -> None:
    from rtstyle_streams.opening import open_sink, open_source

    path = tmp_path / "film.mp4"
    with open_source("sample:96x64@30x10") as source:
        with open_sink(path, source.info) as sink:
            for frame in source:
                sink.write(frame)
    page = open_page()
    drop(page, "#job-drop", "film.mp4", "video/mp4", path.read_bytes())
    fetch = page.get_by_role("button", name="Download film.mp4")
    fetch.wait_for(timeout=60000)
    with page.expect_download() as waiting:
        fetch.click()
    assert waiting.value.suggested_filename.startswith("film-painted")
    page.get_by_role("button", name="Remove film.mp4").click()
    wait_for(lambda: studio.state()["jobs"] == [])


def test_the_camera_of_the_browser_is_painted(
    open_page: OpenPage, studio: Running
) -> None:
    page = open_page()
    page.locator("#camera").select_option("page")
    wait_for(lambda: studio.state()["camera"]["id"] == "page")
    # the film's ground is light, so its negative is dark
    until(page, f"{PIXEL % (0.5, 0.05)}.every((level) => level < 60)")
    page.locator("#camera").select_option("sample:")
    wait_for(lambda: studio.state()["camera"]["id"] == "sample:")
    until(page, f"!{PIXEL % (0.5, 0.05)}.every((level) => level < 60)")


def test_a_preset_is_saved_and_used_and_a_look_is_shared(
    open_page: OpenPage, studio: Running, tmp_path: Path
) -> None:
    page = open_page()
    page.locator("#c-strength").fill("0.4")
    wait_for(lambda: studio.state()["controls"]["strength"] == 0.4)
    page.get_by_label("Name of the preset").fill("Faint")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Faint", exact=True).wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download look").click()
    path = tmp_path / "a.look.json"
    waiting.value.save_as(path)
    assert json.loads(path.read_text("utf-8"))["controls"]["strength"] == 0.4
    page.locator("#c-strength").fill("1")
    wait_for(lambda: studio.state()["controls"]["strength"] == 1.0)
    page.locator("#look-file").set_input_files(path)
    wait_for(lambda: studio.state()["controls"]["strength"] == 0.4)
    page.get_by_role("button", name="Remove the preset Faint").click()
    wait_for(lambda: studio.state()["presets"] == [])
    page.locator("#c-strength").fill("1")


def test_the_keys_of_the_window_are_those_of_the_page(
    open_page: OpenPage, studio: Running
) -> None:
    page = open_page()
    page.keyboard.press("-")
    wait_for(lambda: studio.state()["controls"]["strength"] == 0.9)
    page.keyboard.press("+")
    wait_for(lambda: studio.state()["controls"]["strength"] == 1.0)
    page.keyboard.press("b")
    wait_for(lambda: studio.state()["controls"]["split"] == 0.5)
    page.keyboard.press("b")
    page.keyboard.press("m")
    wait_for(lambda: studio.state()["controls"]["mirror"] == "all")
    page.keyboard.press("m")
    page.keyboard.press("m")
    wait_for(lambda: studio.state()["controls"]["mirror"] == "preview")


def test_everything_is_reached_with_the_tab_key(open_page: OpenPage) -> None:
    page = open_page()
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(document.activeElement.ariaLabel || document.activeElement.id || "
                "document.activeElement.textContent).trim().slice(0, 40)"
            )
        )
    wanted = {"record", "snapshot", "before", "pause", "virtualcam", "camera", "size"}
    wanted |= {"c-strength", "c-style_scale", "c-keep_colors", "share", "add-film"}
    assert wanted <= reached
    assert any(name.startswith("Mix in") for name in reached)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_screen_reader_finds_names_and_nothing_breaks_its_rules(
    open_page: OpenPage, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    viewport = {"width": width, "height": 800}
    page = open_page(color_scheme=scheme, viewport=viewport)
    page.locator("summary").click()
    results = axe.Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    is_wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(is_wide), "the page scrolls sideways"


def test_the_page_for_obs_shows_the_picture_alone(
    open_page: OpenPage, studio: Running
) -> None:
    secret = f"#view={studio.guard.view_token}"
    page = open_page("obs", secret=secret, wait=False)
    until(page, f"{PIXEL % (0.5, 0.5)}.some((level) => level > 5)")
    assert page.evaluate("document.body.innerText.trim()") == ""


def test_it_records_in_the_browser_with_its_microphone(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("summary").click()
    page.get_by_label("Record in the browser").check()
    page.get_by_label("microphone").check()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Stop").click()
    with av.open(str(waiting.value.path())) as film:
        assert sorted(stream.type for stream in film.streams) == ["audio", "video"]
        assert len(list(film.decode(video=0))) > 10


def test_a_recording_of_the_studio_has_the_microphone_of_the_browser(
    open_page: OpenPage, studio: Running
) -> None:
    page = open_page()
    before = len(studio.state()["files"])
    page.locator("summary").click()
    page.get_by_label("microphone").check()
    page.get_by_role("button", name="Record", exact=True).click()
    wait_for(lambda: studio.state()["recording"])
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="Stop").click()
    wait_for(lambda: len(studio.state()["files"]) > before)
    path = studio.studio.session.all_files[-1]
    with av.open(str(path)) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio"]
        levels = [np.abs(f.to_ndarray()).max() for f in film.decode(audio=0)]
    assert max(levels) > 0.01, "Chromium's false microphone beeps"


FALSE_MIDI = """globalThis.input = {};
Object.defineProperty(navigator, "requestMIDIAccess", { configurable: true,
  value: async () => ({ inputs: new Map([["one", globalThis.input]]) }) });"""
"""A device of MIDI that is none: what it sends is given to `input.onmidimessage`."""


def send_midi(page: Any, *data: int) -> None:
    """Let the false device send a message, as soon as the page listens to it."""
    until(page, "Boolean(globalThis.input.onmidimessage)")
    page.evaluate("(data) => globalThis.input.onmidimessage({ data })", list(data))


def test_a_midi_fader_and_a_pad_are_learnt_and_kept(
    open_page: OpenPage, studio: Running
) -> None:
    page = open_page()
    page.add_init_script(FALSE_MIDI)
    page.reload()
    until(page, f"!({OPEN})")
    page.locator("summary").click()
    learn, said = page.get_by_role("button", name="MIDI: learn"), "#midi-state"
    learn.click()
    page.get_by_text("operate a control").wait_for()
    page.locator("#c-strength").click()
    send_midi(page, 0xB0, 7, 32)
    assert page.locator(said).text_content() == "“Strength” is learnt"
    wait_for(lambda: abs(studio.state()["controls"]["strength"] - 32 / 127) < 1e-3)
    learn.click()
    learn.click()  # twice is once
    page.locator("#c-keep_colors").focus()
    page.keyboard.press("Space")
    send_midi(page, 0x90, 36, 127)
    wait_for(lambda: studio.state()["controls"]["keep_colors"])
    send_midi(page, 0x80, 36, 0)  # a pad that is let go changes nothing
    send_midi(page, 0xB0, 8, 0)  # nor does a fader that was not learnt
    page.reload()
    until(page, f"!({OPEN})")
    send_midi(page, 0xB0, 7, 127)
    wait_for(lambda: studio.state()["controls"]["strength"] == 1.0)
    assert studio.state()["controls"]["keep_colors"]
    send_midi(page, 0x90, 36, 0)
    wait_for(lambda: not studio.state()["controls"]["keep_colors"])


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ("undefined", "this browser has no MIDI"),
        ("async () => { throw new Error('no') }", "MIDI is not allowed for this page"),
        ("async () => ({ inputs: new Map() })", "no MIDI device is plugged in"),
    ],
)
def test_what_midi_lacks_is_said(open_page: OpenPage, access: str, said: str) -> None:
    page = open_page()
    name = "navigator, 'requestMIDIAccess'"
    page.evaluate(f"void Object.defineProperty({name}, {{ value: {access} }})")
    page.locator("summary").click()
    page.get_by_role("button", name="MIDI: learn").click()
    until(page, f"document.getElementById('midi-state').textContent === {said!r}")


def test_the_page_comes_back_when_the_connection_is_lost(
    open_page: OpenPage, browser: Any
) -> None:
    page = open_page()
    page.context.set_offline(True)
    page.evaluate("void 0")
    page.context.set_offline(False)
    until(page, "document.getElementById('cover').hidden")


def test_a_foreign_page_and_a_rebound_name_get_nothing(
    browser: Any, studio: Running
) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"http://evil.test:{studio.port}/")
    assert answer.status == 421
    page.set_content("<title>elsewhere</title>")
    tries = page.evaluate(
        """async ([address, token]) => {
          const said = [];
          for (const path of ["/api/state", "/api/do", "/stream.mjpg"]) {
            const method = path === "/api/do" ? "POST" : "GET";
            try { said.push((await fetch(`http://${address}${path}`,
              { method, mode: "no-cors" })).type); } catch { said.push("failed"); }
          }
          const socket = new WebSocket(`ws://${address}/ws`,
            ["rtstyle.1", `token.${token}`]);
          said.push(await new Promise((resolve) => {
            socket.onopen = () => resolve("open");
            socket.onerror = () => resolve("failed");
          }));
          return said;
        }""",
        [studio.host, studio.guard.token],
    )
    assert "open" not in tries
    assert all(one in ("failed", "opaque") for one in tries)
    assert studio.state()["recording"] is False
    context.close()
