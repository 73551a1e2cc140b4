"""The report in a real browser: what it computes, and how it answers."""

import json

import numpy as np
import pytest

from gan_tf.gan.sampling import decode, latents
from gan_tf.pages.report import write_report
from tests.pages.browser import Browser, Page, executable
from tests.pages.runs import make_run

pytestmark = pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome")
PICTURE = "$('image').toDataURL()"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "plain")


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "conditional", classes=4)


@pytest.fixture(scope="module")
def colored(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "colored", (12, 9, 3), classes=3)


@pytest.fixture(scope="module")
def browser():
    with Browser() as found:
        yield found


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the report of a run; at the end the page must not have complained."""
    pages = []

    def call(run, **settings):
        path = tmp_path / "report.html"
        write_report([run.path], path, run.generator)
        pages.append(Page(browser, path, **settings))
        return pages[-1]

    yield call
    for page in pages:
        assert page.complaints() == []


@pytest.mark.parametrize("name", ["plain", "conditional", "colored"])
def test_the_page_computes_keras_pixels(opened, request, name):
    run = request.getfixturevalue(name)
    page = opened(run)
    noise = latents(20, seed=1, count=24)
    classes = page.value("network.classes")
    labels = np.arange(24, dtype=np.int32) % classes if classes else None
    expected = decode(run.generator, noise, labels, run.shape)
    inputs = np.hstack([noise, np.eye(24)[labels][:, :classes]]) if classes else noise
    computed = page.value(
        f"{json.dumps(inputs.tolist())}.map((input) => {{"
        "const canvas = document.createElement('canvas');"
        "paint(canvas, Float32Array.from(input)); const { width, height } = canvas;"
        "return [...canvas.getContext('2d').getImageData(0, 0, width, height).data]; })"
    )
    pixels = np.array(computed).reshape(24, *run.shape[:2], 4)[..., :3]
    if len(run.shape) == 2:
        assert (pixels == pixels[..., :1]).all()
        pixels = pixels[..., 0]
    assert expected.std() > 40  # else all would be alike
    assert np.abs(pixels - expected.astype(int)).max() <= 2


def test_a_click_picks_an_image_and_new_noise_makes_new_ones(opened, plain):
    page = opened(plain)
    before = page.value(PICTURE)
    page.click("#thumbs button:nth-child(9)")
    picked = page.value(PICTURE)
    assert picked != before
    assert picked == page.value(
        "document.querySelector('#thumbs button:nth-child(9) canvas').toDataURL()"
    )
    marks = "all('#thumbs [data-mark]').map((b) => b.dataset.mark + b.ariaLabel).sort()"
    assert page.value(marks) == [
        "AImage 2, picked as A",
        "BImage 9, picked as B",
    ]
    page.click("#noise")
    assert page.value(PICTURE) != picked


def test_directions_move_the_picture_and_come_back(opened, plain):
    page = opened(plain)
    before = page.value(PICTURE)
    page.value("document.querySelector('#directions input').focus()")
    place = "+document.activeElement.value"
    start = page.value(place)
    page.press("ArrowRight")
    assert page.value(place) == pytest.approx(start + 0.01, abs=0.006)
    page.press("End")
    assert page.value(place) == pytest.approx(4)
    moved = page.value(PICTURE)
    assert moved != before
    page.press("Home")
    assert page.value(place) == pytest.approx(-4)
    assert page.value(PICTURE) not in (before, moved)
    page.click("#thumbs button:nth-child(2)")
    assert page.value(PICTURE) == before


def test_the_interpolation_leads_from_one_picked_image_to_the_other(opened, plain):
    page = opened(plain)
    page.click("#thumbs button:nth-child(5)")
    page.click("#thumbs button:nth-child(6)")
    page.value("$('mix').focus()")
    page.press("Home")
    thumb = "document.querySelector('#thumbs button:nth-child({}) canvas').toDataURL()"
    assert page.value(PICTURE) == page.value(thumb.format(5))
    page.press("End")
    assert page.value(PICTURE) == page.value(thumb.format(6))
    page.click("#play-mix")
    page.until("+$('mix').value < 0.9")
    assert page.value(PICTURE) != page.value(thumb.format(6))
    page.press("Enter")  # the button has the focus
    page.until("$('play-mix').textContent !== 'Pause'")


def test_the_class_is_a_control(opened, conditional):
    page = opened(conditional)
    of_thumbs = "all('#thumbs canvas').map((canvas) => canvas.toDataURL())"
    before, picture = page.value(of_thumbs), page.value(PICTURE)
    page.value("$('class').value = '3'; $('class').dispatchEvent(new Event('change'))")
    after = page.value(of_thumbs)
    assert [a == b for a, b in zip(before, after)] == [False, False, False, True] * 6
    assert page.value(PICTURE) != picture


def test_one_step_for_the_slider_the_grids_and_all_charts(opened, plain):
    page = opened(plain)
    shown = "+document.querySelector('.frames img:not([hidden])').dataset.step"
    losses = "charts[0].values[0].textContent"
    assert (page.value(shown), page.value(losses)) == (40, "1.1")
    page.value("$('step').focus()")
    page.press("ArrowLeft")
    assert (page.value(shown), page.value(losses)) == (30, "1.2")
    assert page.value("$('step').ariaValueText || $('step-text').value") == "step 30"
    x, y = page.value(
        "(() => { charts[2].svg.scrollIntoView({ block: 'center' });"
        "const b = charts[2].svg.getBoundingClientRect();"
        "return [b.left + b.width * data.size.left / data.size.width + 2,"
        "b.top + 50]; })()"
    )
    page.mouse("mouseMoved", x, y)
    assert (page.value(shown), page.value(losses)) == (0, "1.5")
    places = "charts.map(({ cursor }) => cursor.getAttribute('x1'))"
    assert len(set(page.value(places))) == 1
    page.value("$('play-training').focus()")
    page.press(" ")
    page.until(f"{shown} === 40")
    page.until("$('play-training').textContent === 'Play'")


def test_every_control_is_reached_by_the_tab_key_and_has_a_name(opened, conditional):
    page = opened(conditional)
    reached = set()
    for _ in range(80):
        page.press("Tab")
        reached.add(page.value("document.activeElement.id"))
    controls = {"noise", "class", "play-mix", "mix", "play-training", "step"}
    assert controls <= reached
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    names = [
        (node["role"]["value"], node.get("name", {}).get("value"))
        for node in nodes
        if node.get("role", {}).get("value")
        in ("button", "slider", "image", "img", "combobox", "region")
    ]
    assert len(names) > 30
    assert [role for role, name in names if not name] == []


@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_is_wider_than_the_window(opened, conditional, width):
    page = opened(conditional, width=width)
    assert page.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_contrast(opened, plain, dark):
    page = opened(plain, dark=dark)
    colors = page.value(
        "['body', '.summary', 'button.primary', 'svg text', 'output'].map((name) => {"
        "const e = document.querySelector(name), style = getComputedStyle(e);"
        "const back = getComputedStyle(name.startsWith('button') ? e : document.body);"
        "return [name.startsWith('svg') ? style.fill : style.color,"
        "back.backgroundColor]; })"
    )
    for text, back in colors:
        brighter, darker = sorted(map(luminance, (text, back)), reverse=True)
        assert (brighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2, AA
    assert (luminance(colors[0][1]) < 0.5) == dark


def luminance(color):
    """The relative luminance of `rgb(r, g, b)`, as WCAG 2 defines it."""
    unit = np.array([float(c) / 255 for c in color[4:-1].split(",")])
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_without_javascript_the_last_grid_and_the_curves_are_there(opened, plain):
    page = opened(plain, script=False)
    visible = (
        "[...document.querySelectorAll('{}')].filter((e) => e.offsetHeight).length"
    )
    assert page.value(visible.format(".frames img")) == 1
    assert page.value(
        "document.querySelector('.frames img:not([hidden])').dataset.step"
    )
    assert page.value("document.querySelectorAll('.chart polyline').length") >= 5
    assert page.value(visible.format("button, input, canvas")) == 0
    assert "needs JavaScript" in page.value("document.body.innerText")


def test_runs_side_by_side_share_the_step(browser, plain, conditional, tmp_path):
    write_report([plain.path, conditional.path], tmp_path / "both.html")
    page = Page(browser, tmp_path / "both.html")
    page.value("$('step').focus()")
    page.press("Home")
    shown = "all('.frames img:not([hidden])').map((image) => image.dataset.step)"
    assert page.value(shown) == ["0", "0"]
    assert (
        page.value("charts[1].values.map((value) => value.textContent)") == ["1.5"] * 2
    )
    assert page.complaints() == []
