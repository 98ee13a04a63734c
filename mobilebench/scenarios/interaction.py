"""The interaction page: a todo list, a table, a chart and a rich text, used by a fixed script of clicks and keys.

The page says what to do next, and where; the input itself is real. The page times each step by its own clock, from the
input (`Event.timeStamp`) until its handlers, styles and layout are done. So neither the time between inputs, in which
this computer talks to the browser, nor the wait for the screen's next frame is in a step.
"""

from __future__ import annotations

import time

from mobilebench.browsers.page import Page
from mobilebench.core.page_quality import ScriptRun, Void
from mobilebench.scenarios import probe
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.hands import Hands
from mobilebench.scenarios.messages import Action, Begun, PageRuns
from mobilebench.scenarios.scenario import Scenario, Use

FIRST_RUN_SECONDS = 300.0
"""A page that is slower than this for its first run is given up."""


def use(page: Page, hands: Hands, seconds: float, _begun: Begun) -> Use:
    """Follow the page's script, in whole runs, until the time is over; at least one run."""
    began = time.monotonic()
    runs = 0
    with probe.named_failures(page):
        while True:
            action = probe.asked(page, "mobilebenchScenario.next()", Action)
            spent = time.monotonic() - began
            if action.begins_run:
                if runs > 0 and spent >= seconds:
                    break
                runs += 1
            if runs == 1 and spent > seconds + FIRST_RUN_SECONDS:
                raise ScenarioFailed("no answer", f"The page did not complete a single run within {spent:.0f} s.")
            if action.do == "click":
                hands.click(action.x, action.y)
            else:
                hands.press(action.key)
        answer = probe.asked(page, "mobilebenchScenario.runs()", PageRuns)
    found = [ScriptRun(started_ms=run.started_ms, steps_ms=run.steps_ms) for run in answer.runs]
    return Use(found or Void(reason="no run was completed"), Void(reason="this scenario types no text to count"))


INTERACTION = Scenario(
    name="interaction",
    title="A todo list, a table, a chart and a rich text are used by clicks and keys, in runs of one fixed script.",
    address="interaction",
    page="scenarios/interaction.html",
    use=use,
    traced=False,
)
