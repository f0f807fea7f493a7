"""The HTML report as a person meets it: filter, open a failing case, see its picture; and as a hostile target would have it.

Usage: report.py FRAMEGATE [FOLDER]. The screenshots and the pages go to FOLDER.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from webdriver import Browser

ENTER, TAB = "\ue007", "\ue004"
MANY = 2000
PAYLOADS = [
    "</script><script>window.broken = 1</script>",
    "<img src='https://example.invalid/x.png' onerror='window.broken = 1'>",
    "--><svg onload='window.broken = 1'></svg><!--",
    "\"'><a href='javascript:window.broken = 1'>x</a>",
    "{{ 7 * 7 }} ${7 * 7} \u202e\u2028\u0007\u001b[2J",
]


def event(at, origin, what):
    return {"at_ns": at, "connection": 1, "from": origin, "what": what}


def frame(origin, payload):
    text = json.dumps(payload)
    size = len(text.encode())
    mask = {"mask": [1, 2, 3, 4]} if origin == "client" else {}
    width = "short" if size < 126 else "medium"
    return {"frame": {"fin": True, "opcode": 1, **mask, "length": size, "width": width, "payload": {"text": text}, "arrived": size}}


def conversation(error):
    """A conversation whose last answer breaks a requirement that quotes it."""
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    request = [["Host", "h"], ["Upgrade", "websocket"], ["Connection", "Upgrade"], ["Sec-WebSocket-Key", key], ["Sec-WebSocket-Version", "13"]]
    response = [["Upgrade", "websocket"], ["Connection", "Upgrade"], ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], ["X-Odd", error]]
    question = {"type": "req", "id": "1", "method": "health"}
    return [
        event(0, "client", {"opened": {"session": "main"}}),
        event(0, "client", {"request": {"method": "GET", "target": "/ws", "version": "HTTP/1.1", "headers": request}}),
        event(1, "server", {"response": {"status": 101, "reason": "Switching Protocols", "headers": response}}),
        event(2, "client", frame("client", question)),
        event(3_000_000_000, "server", frame("server", {"type": "res", "id": "1", "ok": False, "error": error})),
    ]


def write(path, events):
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return str(path)


def run(*command, expected=1, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, check=False, **options)
    assert done.returncode == expected, f"{command[:4]} came out with {done.returncode}, not {expected}"


class Pages:
    """The reports under test."""

    def __init__(self, framegate, folder):
        self.framegate, self.folder = pathlib.Path(framegate).resolve(), folder

    def failing(self):
        page = self.folder / "failing.html"
        only = ["--only", "goclaw/*/connect*", "--only", "goclaw/client/reconnect*", "--only", "goclaw/server/deadline*"]
        run(self.framegate, "run", "goclaw", "--fault", "error-is-text", *only, f"--report=html={page}")
        return page.as_uri()

    def replayed(self, name, files):
        page = self.folder / f"{name}.html"
        with tempfile.TemporaryDirectory() as recorded:
            paths = [write(pathlib.Path(recorded) / file, events) for file, events in files]
            names = [os.path.basename(path) for path in paths]
            run(self.framegate, "replay", "--protocol", "goclaw", "--side", "server", f"--report=html={page}", "--", *names, cwd=recorded)
        return page.as_uri()

    def hostile(self):
        names = [payload.replace("/", "∕").replace("\u0007", "") for payload in PAYLOADS]
        return self.replayed("hostile", [(name, conversation(payload)) for name, payload in zip(names, PAYLOADS)])

    def many(self):
        return self.replayed("many", [(f"case-{index:04}.jsonl", conversation(f"error {index}")) for index in range(MANY)])


def shown(browser):
    return browser.script("return [...document.querySelectorAll('details.case')].filter((c) => !c.hidden).map((c) => c.dataset.verdict)")


def check_quiet(browser, url):
    """Nothing on the console, and no request but for the page itself."""
    complaints = browser.complaints()
    assert complaints == [], complaints
    asked = {address for page, address in browser.requests() if not page.startswith("chrome")}
    assert url in asked and all(address.startswith(url) for address in asked), sorted(asked)[:5]


def check_failing(browser, url, folder):
    browser.open(url)
    everything = shown(browser)
    assert "pass" in everything and "fail" in everything, everything
    assert everything[0] == "fail", "failures come first"

    browser.click("label.toggle:has(input[value=pass])")
    assert "pass" not in shown(browser) and "fail" in shown(browser)
    browser.type("#case-search", "without-token")
    found = shown(browser)
    assert 0 < len(found) < len(everything), found
    text = browser.script("return document.querySelector('#cases-shown').textContent")
    assert text == f"{len(found)} of {len(everything)} cases", text
    browser.type("#case-search", " nothing-is-called-so")
    assert shown(browser) == [] and browser.script("return !document.querySelector('#nothing').hidden")
    browser.script("const q = document.querySelector('#case-search'); q.value = 'without-token'; q.dispatchEvent(new Event('input'))")

    browser.click("details.case[data-verdict=fail]:not([hidden]) summary")
    picture = "details.case[open] svg.picture"
    browser.until(f"document.querySelector('{picture}')")
    labels = browser.script(f"return [...document.querySelectorAll('{picture} text')].map((t) => t.textContent)")
    assert any(label.startswith("GET /ws") for label in labels), labels
    assert any("101" in label for label in labels) and any("close 1000" in label for label in labels), labels
    assert "server under test" in labels and "client" in labels, labels
    assert browser.script(f"return document.querySelectorAll('{picture} .deciding').length") == 1
    callout = browser.script(f"return document.querySelector('{picture} .callout').textContent")
    assert "expected " in callout and "actual " in callout, callout
    assert browser.script(f"return document.querySelectorAll('{picture} .wash').length") >= 2, "the close handshake stands out"
    browser.script(f"document.querySelector('{picture}').closest('details').scrollIntoView()")
    browser.screenshot(folder / "desktop.png")
    browser.click("details.case[open] .drawn details summary")
    browser.until("document.querySelector('details.case[open] .raw')")
    raw = browser.script("return document.querySelector('details.case[open] .raw').textContent")
    assert "final, masked with" in raw and "Sec-WebSocket-Key" in raw, raw

    browser.prefer("dark")
    browser.script("scrollTo(0, 0)")
    browser.screenshot(folder / "dark.png")
    browser.prefer("light")
    browser.open(url)
    browser.type("#case-search", "deadline-idle")
    browser.script("const item = document.querySelector('details.case:not([hidden])'); item.open = true")
    browser.until("document.querySelector('details.case[open] svg.picture')")
    browser.script("document.querySelector('details.case[open]').scrollIntoView()")
    browser.screenshot(folder / "long.png")


def check_phone(browser, url, folder):
    browser.resize(390, 844)
    browser.open(url)
    browser.screenshot(folder / "phone.png")
    browser.click("details.case[data-verdict=fail] summary")
    browser.until("document.querySelector('details.case[open] svg.picture')")
    width = browser.script("return document.documentElement.scrollWidth")
    assert width <= 390, f"the page is {width} wide on a phone of 390"
    picture = browser.script("return document.querySelector('details.case[open] svg.picture').getBoundingClientRect().width")
    assert 300 < picture <= 390, picture
    browser.script("document.querySelector('details.case[open] .drawn').scrollIntoView()")
    browser.screenshot(folder / "phone-case.png")
    browser.resize(1280, 900)


def check_keyboard(browser, url):
    """A search, a case and its raw events, without a pointer."""
    browser.open(url)
    browser.until("document.hasFocus()")
    browser.press("/", *"without-token")
    browser.until("document.activeElement.id === 'case-search' && document.activeElement.value === 'without-token'")
    for _ in range(40):
        browser.press(TAB)
        if browser.script("return document.activeElement.matches('details.case > summary')"):
            break
    browser.press(ENTER)
    browser.until("document.querySelectorAll('details.case[open] svg.picture').length === 1")
    browser.open(url + "#case-0")
    browser.until("document.querySelector('#case-0').open")


def check_without_script(browser, url):
    """What was found can be read although no script runs."""
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    browser.click("details.case[data-verdict=fail] summary")
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    text = browser.script("return document.querySelector('details.case[open] .finding').innerText")
    assert "expected" in text and "actual" in text, text


def check_hostile(browser, url, folder):
    browser.open(url)
    for index in range(len(PAYLOADS)):
        browser.click(f"#case-{index} summary")
        browser.until(f"document.querySelector('#case-{index} svg.picture')")
        browser.script(f"document.querySelectorAll('#case-{index} .drawn details').forEach((d) => {{ d.open = true }})")
    browser.until(f"document.querySelectorAll('.raw').length === {len(PAYLOADS)}")
    state = browser.script("""
        const page = document.body;
        const marks = /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2028\\u2029]/u;
        return {
          broken: window.broken,
          foreign: page.querySelectorAll("img, iframe, object, embed, [onload], [onerror], a[href^='javascript']").length,
          scripts: [...document.scripts].filter((script) => script.type !== "application/json").length,
          pictures: page.querySelectorAll("svg.picture").length,
          marks: marks.test(page.innerText),
          text: page.innerText,
        }""")
    assert state["broken"] is None, "a script of the target ran"
    assert state["foreign"] == 0 and state["scripts"] == 1, state
    assert state["pictures"] == len(PAYLOADS) and not state["marks"], state["pictures"]
    assert "<script>window.broken = 1</script>" in state["text"], "the text itself is shown"
    # Even if the escaping failed, the policy would hold.
    browser.complaints()
    browser.script("""
        const script = document.createElement("script");
        script.textContent = "window.broken = 2";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "https://example.invalid/x.png";
        document.body.append(image);""")
    assert browser.script("return window.broken === undefined"), "the policy lets a script in"
    browser.script("document.querySelector('#case-0').scrollIntoView()")
    browser.screenshot(folder / "hostile.png")
    assert any("Content Security Policy" in complaint for complaint in browser.complaints())


def check_many(browser, url):
    browser.open(url)
    browser.until(f"document.readyState === 'complete' && document.querySelectorAll('details.case:not([hidden])').length === {MANY}")
    took = browser.script("""
        const begun = performance.now();
        const search = document.querySelector("#case-search");
        search.value = "case-0777";
        search.dispatchEvent(new Event("input"));
        document.body.offsetHeight;
        return [performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart, performance.now() - begun]""")
    assert len(shown(browser)) == 1
    return took


def main():
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = (folder or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        pages = Pages(sys.argv[1], folder)
        failing, hostile, many = pages.failing(), pages.hostile(), pages.many()
        with Browser() as browser:
            browser.resize(1280, 900)
            begun = time.monotonic()
            check_failing(browser, failing, folder)
            check_quiet(browser, failing)
            check_phone(browser, failing, folder)
            check_keyboard(browser, failing)
            check_without_script(browser, failing)
            browser.complaints(), browser.requests()
            browser.open(hostile)
            check_quiet(browser, hostile)
            check_hostile(browser, hostile, folder)
            browser.complaints(), browser.requests()
            loaded, filtered = check_many(browser, many)
            check_quiet(browser, many)
            print(f"browser: the report holds ({time.monotonic() - begun:.1f} s; {MANY} cases load in {loaded:.0f} ms, filter in {filtered:.0f} ms)")


if __name__ == "__main__":
    main()
