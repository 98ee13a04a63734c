"""Tells people and machines of a night: files, and webhooks. An address is a secret; it is never written or logged."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mobilebench.core import atomic_files
from mobilebench.nights import junit, metrics, summary
from mobilebench.nights.config import Config, Tell
from mobilebench.nights.records import Night, Told

SUMMARY, JUNIT, METRICS = "night.md", "junit.xml", "night.prom"
"""Names of the files in a night's folder, beside `night.json`."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How a webhook is tried."""

    seconds: float = 20.0
    """Time of one attempt."""
    waits: tuple[float, ...] = (1.0, 5.0, 20.0)
    """Seconds before each further attempt."""


def write_reports(night: Night, folder: Path) -> None:
    """Write Markdown, JUnit XML and metrics beside `night.json`."""
    atomic_files.write_text(folder / SUMMARY, summary.markdown(night))
    atomic_files.write_text(folder / JUNIT, junit.junit(night))
    metrics.write(night, folder / METRICS)


def tell(
    night: Night, config: Config, *, environment: Mapping[str, str] = os.environ, patience: Patience = Patience()
) -> list[Told]:
    """Tell everybody that the configuration names, and say for each whether it worked."""
    told = []
    for one in config.tell:
        if one.when == "not good" and night.outcome == "good":
            continue
        told.append(_file(night, one, environment) if one.file else _webhook(night, one, environment, patience))
    return told


def _file(night: Night, one: Tell, environment: Mapping[str, str]) -> Told:
    whom = f"file {one.file}"
    missing = [name for found in _VARIABLE.finditer(str(one.file)) if (name := found[1] or found[2]) not in environment]
    if missing:
        return Told(whom=whom, problem=f"the environment variable {missing[0]} is not set")
    path = Path(_VARIABLE.sub(lambda found: environment[found[1] or found[2]], str(one.file)))
    try:
        if one.format == "prometheus":
            metrics.write(night, path)
        elif one.append:
            with path.open("a", encoding="utf-8") as stream:
                stream.write(summary.markdown(night))
        else:
            atomic_files.write_text(path, _content(night, one))
    except OSError as error:
        return Told(whom=whom, problem=f"it could not be written ({error.strerror or error})")
    return Told(whom=whom)


def _content(night: Night, one: Tell) -> str:
    if one.format == "junit":
        return junit.junit(night)
    return night.model_dump_json(indent=1) if one.format == "json" else summary.markdown(night)


def _webhook(night: Night, one: Tell, environment: Mapping[str, str], patience: Patience) -> Told:
    whom = f"webhook {one.webhook}"
    url = environment.get(str(one.webhook), "").strip()
    token = environment.get(one.token, "").strip() if one.token else None
    if problem := _unusable(one, url, token):
        return Told(whom=whom, problem=problem)
    body = {"text": summary.chat(night)} if one.body == "text" else night.model_dump(mode="json")
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    problem = asyncio.run(_post(url, json.dumps(body).encode(), headers, patience))
    _LOG.info("The webhook of %s %s.", one.webhook, f"failed: {problem}" if problem else "has the night")
    return Told(whom=whom, problem=problem)


def _unusable(one: Tell, url: str, token: str | None) -> str | None:
    if not url:
        return f"the environment variable {one.webhook} is not set"
    if one.token and not token:
        return f"the environment variable {one.token} is not set"
    if token and not re.fullmatch(r"[\x21-\x7e]{1,4096}", token):
        return f"the environment variable {one.token} holds no token"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    return None if usable else f"the environment variable {one.webhook} holds no http or https address"


async def _post(url: str, body: bytes, headers: Mapping[str, str], patience: Patience) -> str | None:
    """Post once, and again after a failure that may pass. Returns why it did not work, without the address."""
    import aiohttp

    problem: str | None = None
    timeout = aiohttp.ClientTimeout(total=patience.seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for wait in (0.0, *patience.waits):
            await asyncio.sleep(wait)
            try:
                async with session.post(url, data=body, headers=dict(headers), allow_redirects=False) as answer:
                    status = answer.status
            except TimeoutError:
                problem = f"there was no answer in {patience.seconds:g} s"
                continue
            except (aiohttp.ClientError, OSError, ValueError) as error:
                problem = f"it could not be reached ({type(error).__name__})"
                continue
            if status < 300:
                return None
            problem = f"it answered {status}"
            if status < 500 and status not in (408, 429):
                break
    return problem


def problems(told: Sequence[Told]) -> list[str]:
    """What did not work, as sentences."""
    return [f"The {one.whom} was not told: {one.problem}." for one in told if one.problem]
