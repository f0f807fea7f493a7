"""The kill matrix and the heat map of a campaign as a person meets them: look, point, walk with the keys, choose, search.

Usage: charts.py FRAMEGATE [FOLDER]. The screenshots and the pages go to FOLDER.
"""

import json
import pathlib
import sys
import tempfile
import time

from report import check_quiet, run
from webdriver import Browser

RIGHT, DOWN = "\ue014", "\ue015"


def lines(browser, grid):
    """The labels of the rows of a picture with the colour of each."""
    return browser.script(f"""
        return [...document.querySelectorAll('svg.grid')][{grid}].querySelectorAll('g.line').length
          ? [...[...document.querySelectorAll('svg.grid')][{grid}].querySelectorAll('g.line')]
            .map((line) => [line.querySelector('title').textContent.split(': ')[0], [...line.classList].find((c) => c.startsWith('tone-'))])
          : []""")


def told(browser):
    return browser.script("const told = document.querySelector('#told'); return told.hidden ? '' : told.textContent")


def point(browser, selector):
    browser.script(f"document.querySelector('{selector}').dispatchEvent(new PointerEvent('pointerover', {{ bubbles: true }}))")


def check_matrix(browser, url, proofs, folder):
    browser.open(url)
    check_quiet(browser, url)
    for index, proof in enumerate(proofs):
        mutants, cases = lines(browser, 2 * index), lines(browser, 2 * index + 1)
        assert sorted(label for label, _ in mutants) == sorted(tried["id"] for tried in proof["tried"]), "every mutant is a row"
        assert sorted(label for label, _ in cases) == sorted(proof["cases"]), "every case is a row"
    tones = [tone for _, tone in lines(browser, 0)]
    assert tones[0] == "tone-bad" and tones[-1] == "tone-good", "survivors come first"
    browser.screenshot(folder / "matrix.png")

    point(browser, "svg.grid g.line g.cell rect")
    survivor = next(tried for tried in proofs[0]["tried"] if tried["state"] == "survived")
    assert survivor["id"] in told(browser) and "should find it, and did not" in told(browser), told(browser)

    # By keys alone: into the picture, a row down, and every step is told.
    browser.script("document.querySelector('svg.grid g.cell[tabindex=\"0\"]').focus()")
    seen = {told(browser)}
    for key in (DOWN, DOWN, RIGHT, DOWN):
        browser.press(key)
        seen.add(told(browser))
    assert len(seen) >= 4, seen
    assert browser.script("return document.querySelectorAll('svg.grid')[0].querySelectorAll('g.cell[tabindex=\"0\"]').length") == 1

    browser.type("#search", "unknown-other-code")
    dimmed = browser.script("return document.querySelectorAll('g.line.dim').length")
    assert 0 < dimmed < len(browser.script("return [...document.querySelectorAll('g.line')].map(() => 0)")), dimmed
    browser.script("const q = document.querySelector('#search'); q.value = ''; q.dispatchEvent(new Event('input'))")
    browser.script("const s = document.querySelector('#part'); s.value = '1'; s.dispatchEvent(new Event('input'))")
    shown = browser.script("return [...document.querySelectorAll('section.part')].filter((s) => !s.hidden).map((s) => s.querySelector('h2').textContent)")
    assert shown == [proofs[1]["protocol"]], shown

    browser.prefer("dark")
    browser.open(url)
    browser.script("document.querySelector('svg.grid').scrollIntoView()")
    browser.screenshot(folder / "matrix-dark.png")
    browser.script("document.querySelectorAll('svg.grid')[1].scrollIntoView()")
    browser.screenshot(folder / "matrix-nulls.png")
    browser.prefer("light")


def check_heat(browser, url, folder):
    browser.open(url)
    check_quiet(browser, url)
    heads = browser.script("return [...document.querySelectorAll('svg.grid')][0].querySelectorAll('.heads text').length")
    assert heads == 9, heads
    broken = "svg.grid g.cell.tone-bad"
    states = {label for label, tone in lines(browser, 0) if tone == "tone-bad"}
    assert all(any(f"state {state}," in label for label in states) for state in ("opened", "connected", "exchanged")), states
    point(browser, f"{broken} rect")
    assert "broke" in told(browser) and "hit" in told(browser), told(browser)
    browser.screenshot(folder / "heat.png")
    text = browser.script("return document.querySelector('details.entry[open] pre').textContent")
    assert "framegate replay" in text and "steps:" in text, text
    browser.script("document.querySelector('details.entry').scrollIntoView()")
    browser.screenshot(folder / "heat-cause.png")
    # Without a script all of it can be read.
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.script("return document.querySelector('svg.grid').getBoundingClientRect().height") > 100


def check_phone(browser, url, folder):
    browser.resize(390, 844)
    browser.open(url)
    width = browser.script("return document.documentElement.scrollWidth")
    assert width <= 390, f"the page is {width} wide on a phone of 390"
    browser.screenshot(folder / "chart-phone.png")
    browser.resize(1280, 900)


def main():
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    framegate = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (folder or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        packs, matrix, heat = pathlib.Path(temporary) / "packs", folder / "matrix.html", folder / "heat.html"
        survivors(framegate, packs)
        run(framegate, "prove", "--packs", packs, f"--report=html={matrix}", f"--report=json={folder / 'matrix.json'}")
        run(framegate, "fuzz", "play", "--packs", packs, "--fault", "strange-code", "--side", "server", f"--report=html={heat}")
        proofs = json.loads((folder / "matrix.json").read_text())["proofs"]
        with Browser() as browser:
            browser.resize(1280, 900)
            begun = time.monotonic()
            check_matrix(browser, matrix.as_uri(), proofs, folder)
            browser.complaints(), browser.requests()
            check_heat(browser, heat.as_uri(), folder)
            check_phone(browser, matrix.as_uri(), folder)
            print(f"browser: the pictures hold ({time.monotonic() - begun:.1f} s; {len(lines(browser, 0))} rows in the first)")


def survivors(framegate, packs):
    """Two small packs; an expectation of the first is too kind, so that a mutant survives, and its sentences try to run a script."""
    for name in ("play", "still"):
        run(framegate, "new", name, "--packs", packs, expected=0)
    kind = packs / "scenarios/play/server/unknown.yaml"
    text = kind.read_text()
    kind.write_text(text.replace("match: {code: 1008}, ", ""))
    assert kind.read_text() != text
    faults = packs / "scenarios/play/faults.yaml"
    strange = "  - {id: strange-code, side: server, what: It closes with a code of its own., trips: play-unknown-refused, change: {set: {of: {is: close}, tree: {code: 4242}}}}"
    text = faults.read_text().replace("variants:", f"{strange}\nvariants:", 1)
    faults.write_text(text.replace("It closes as if all were well.", "</title></svg><script>window.broken = 1</script>"))
    assert faults.read_text() != text


if __name__ == "__main__":
    main()
