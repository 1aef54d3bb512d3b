"""The page, in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Server, key, records

Serve = Callable[..., Server]


@pytest.fixture
def browse(tmp_path: Path, missing: Callable[[str], None]) -> Callable[..., str]:
    chromium = shutil.which("chromium")
    if not chromium:
        missing("chromium")

    def page(url: str, width: int = 1280, dark: bool = False, shot: str | None = None) -> str:
        """Returns what the page has become after some seconds; EVSCALE_SHOTS=folder keeps pictures to look at."""
        options = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path}/profile",
                   f"--window-size={width},1400", "--virtual-time-budget=5000", *(["--blink-settings=preferredColorScheme=0"] if dark else [])]
        if shot and os.environ.get("EVSCALE_SHOTS"):
            subprocess.run([*options, f"--screenshot={os.environ['EVSCALE_SHOTS']}/{shot}.png", url], capture_output=True, timeout=60, check=True)
        return subprocess.run([*options, "--dump-dom", url], capture_output=True, text=True, timeout=60, check=True).stdout

    return page


def text_of(html: str, id: str) -> str:
    found = re.search(rf'<(\w+)[^>]*id="{id}"[^>]*>(.*?)</\1>', html, re.DOTALL)
    return re.sub(r"<[^>]+>", " ", found.group(2)).strip() if found else ""


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_pools_forecast_jobs_and_decisions_are_shown(serve: Serve, browse: Callable[..., str], width: int, dark: bool) -> None:
    server = serve('[pools.orders]\nmax_jobs = 40\nalerts = ["jobs > 5 for 0s critical"]\n[pools.emails]\nmax_jobs = 40\n')
    for record in records(2, 200):
        server.expect("POST", "/pools/orders/update_metrics", record)
    decision = server.expect("GET", "/pools/orders/scaling_decision")
    html = browse(f"http://127.0.0.1:{server.port}/#orders", width, dark, f"page-{width}-{'dark' if dark else 'light'}")
    assert "2 pools" in text_of(html, "summary") and "you may operate" in text_of(html, "summary")
    assert text_of(html, "name") == "orders" and text_of(html, "explanation") == decision["explanation"]
    # late records, of which the history has some, hide none of the others
    line = re.search(r'class="past" d="([^"]+)"', html)
    assert line and line.group(1).count("L") > 120
    assert re.search(r'class="band" d="M', html) and re.search(r'class="wanted" d="M', html) and len(re.findall(r"<li>", html)) > 10
    assert re.search(r'<li class="critical"><b>jobs &gt; 5 for 0s critical</b> critical, since ', html)
    assert "NaN" not in html and "undefined" not in html


def test_whoever_may_only_read_sees_no_buttons_and_strangers_are_asked_for_a_key(serve: Serve, browse: Callable[..., str], tmp_path: Path) -> None:
    _, entry = key(tmp_path, "reader", "read")
    (tmp_path / "keys.toml").write_text(entry)
    closed = serve(f'[security]\nkeys_file = "{tmp_path}/keys.toml"\n', "closed")
    html = browse(f"http://127.0.0.1:{closed.port}/")
    assert re.search(r'<form id="access">', html) and "no key" in text_of(html, "summary")
    read = serve(f'[pools.a]\n[security]\nkeys_file = "{tmp_path}/keys.toml"\nanonymous_role = "read"\n', "read")
    read.ask("GET", "/pools")
    html = browse(f"http://127.0.0.1:{read.port}/")
    assert "you may read" in text_of(html, "summary") and re.search(r'<div id="operate" hidden', html)


def test_what_the_interface_was_told_cannot_become_markup(serve: Serve, browse: Callable[..., str]) -> None:
    server = serve("[pools.a]\nmax_jobs = 40\n")
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    server.expect("POST", "/execute_scaling", {"key": "<script>alert(1)</script>"})
    html = browse(f"http://127.0.0.1:{server.port}/#%3Cscript%3E")
    assert text_of(html, "name") == "a" and "alert(1)" not in html


def test_the_description_is_shown_without_anything_from_elsewhere(serve: Serve, browse: Callable[..., str]) -> None:
    server = serve("[pools.a]\n")
    html = browse(f"http://127.0.0.1:{server.port}/docs/", shot="docs")
    assert "/pools/{pool}/update_metrics" in html.replace("\u200b", "").replace("<wbr>", "")
    assert not re.findall(r'(?:src|href)="https?://(?!127\.0\.0\.1)[^"]+\.(?:js|css)"', html)


def test_an_order_and_a_pause_by_the_buttons(serve: Serve, tmp_path: Path, missing: Callable[[str], None]) -> None:
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver or not chromium:
        missing("chromium-driver")
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    operator, entry = key(tmp_path, "operator", "operate")
    (tmp_path / "keys.toml").write_text(entry)
    server = serve(f'[pools.a]\nmax_jobs = 40\n[security]\nkeys_file = "{tmp_path}/keys.toml"\n', key=operator)
    for record in records(1, 5):
        server.expect("POST", "/update_metrics", record)
    options = ChromeOptions()
    options.binary_location = str(chromium)
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=400,1400", f"--user-data-dir={tmp_path}/profile"):
        options.add_argument(option)
    browser = Chrome(options=options, service=ChromeService(str(driver)))
    try:
        browser.get(f"http://127.0.0.1:{server.port}/")
        wait = WebDriverWait(browser, 20)

        def text(id: str) -> str:
            return browser.find_element(By.ID, id).text

        wait.until(lambda _: browser.find_element(By.ID, "key").is_displayed())
        browser.find_element(By.ID, "key").send_keys(operator)
        browser.find_element(By.CSS_SELECTOR, "#access button").click()
        wait.until(lambda _: text("name") == "a" and browser.find_element(By.ID, "operate").is_displayed())
        assert not browser.find_element(By.ID, "access").is_displayed()
        Select(browser.find_element(By.ID, "what")).select_by_value("floor")
        browser.find_element(By.ID, "count").clear()
        browser.find_element(By.ID, "count").send_keys("33")
        browser.find_element(By.CSS_SELECTOR, "#order button").click()
        wait.until(lambda _: "at least 33 jobs" in text("ordered"))
        assert server.expect("GET", "/pools/a")["order"]["order"] == {"floor": 33}
        assert server.expect("GET", "/scaling_decision")["recommended_jobs"] >= 33
        browser.find_element(By.ID, "count").clear()
        browser.find_element(By.ID, "count").send_keys("7000")
        browser.find_element(By.CSS_SELECTOR, "#order button").click()
        wait.until(lambda _: "expected `min_jobs`" in text("said"))
        browser.find_element(By.ID, "withdraw").click()
        Select(browser.find_element(By.ID, "paused")).select_by_value("down")
        browser.find_element(By.CSS_SELECTOR, "#pause button").click()
        wait.until(lambda _: text("ordered") == "Switched off: scale-down.")
        state = server.expect("GET", "/pools/a")
        assert (state["order"], state["pause"]) == (None, "down")
        # nothing is wider than a telephone
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        serious = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE" and "401" not in entry["message"] and "400" not in entry["message"]]
        assert not serious, serious
    finally:
        browser.quit()
