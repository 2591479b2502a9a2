"""A real headless browser: Debian's chromium, driven through chromedriver as W3C WebDriver says.

https://www.w3.org/TR/webdriver2/. The browser reaches no network and keeps nothing.
"""

import base64
import contextlib
import json
import re
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fakes.tools import tool

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    # Whatever is asked of the network fails at once, and is in the log.
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
_WAIT_S = 60


class Browser:
    """One session of a browser."""

    def __init__(self, port: int, profile: str) -> None:
        self._at = f"http://127.0.0.1:{port}/session"
        options = {"args": [*_FLAGS, f"--user-data-dir={profile}"]}
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs}
        made = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._at += "/" + made["sessionId"]

    def close(self) -> None:
        self._call("DELETE", "")

    def opens(self, path: Path) -> None:
        """Open a file and wait until its scripts have said that they are done."""
        self._call("POST", "/url", {"url": path.resolve().as_uri()})
        self.waits_for("return document.documentElement.dataset.ready === 'yes'")

    def runs(self, script: str, *args: Any) -> Any:
        return self._call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def waits_for(self, condition: str) -> None:
        """Wait until the script returns something true (checked at each frame by the browser)."""
        script = (
            "const done = arguments[arguments.length - 1];"
            f"const holds = () => {{ {condition} }};"
            "const look = () => holds() ? done(true) : setTimeout(look, 20); look();"
        )
        self._call("POST", "/execute/async", {"script": script, "args": []})

    def logged(self, kind: str) -> list[dict[str, Any]]:
        """What the console (`browser`) or the network (`performance`) said since last asked."""
        entries: list[dict[str, Any]] = self._call("POST", "/se/log", {"type": kind})
        return entries

    def requests(self) -> list[str]:
        """The URLs that were asked for since last asked."""
        messages = [json.loads(one["message"])["message"] for one in self.logged("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def commands(self, name: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        body = {"cmd": name, "params": parameters}
        return self._call("POST", "/goog/cdp/execute", body)

    def sees(self, *, width: int, height: int = 900, scheme: str = "light") -> None:
        """The size of the screen and the scheme of colours that its user prefers."""
        self.commands(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.commands("Emulation.setEmulatedMedia", features=[feature])

    def pictures(self, *, whole: bool = False) -> bytes:
        """A PNG of what is seen, or of the whole page."""
        taken = self.commands("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(taken["data"])

    def prints(self) -> bytes:
        """The page on A4 paper, as PDF."""
        page = {"page": {"width": 21, "height": 29.7}, "shrinkToFit": False}
        return base64.b64decode(self._call("POST", "/print", page))

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own loopback server
            self._at + path, data, {"Content-Type": "application/json"}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_WAIT_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:2000]) from error


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser with an empty profile, gone afterwards."""
    driver = tool("chromedriver")
    tool("chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            session = Browser(_port(process), profile)
            try:
                yield session
            finally:
                session.close()
        finally:
            process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _port(process: "subprocess.Popen[str]") -> int:
    """The port that the driver says it listens on."""
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"started successfully on port (\d+)", line):
            return int(match[1])
    raise AssertionError("chromedriver did not start")
