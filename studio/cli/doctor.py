"""Check this machine, the data folder and the models, and say what to do where something is wrong."""

from __future__ import annotations

import argparse
import dataclasses

from studio.cli.console import Console

HELP = "check the machine, the data folder and the models"


def arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.doctor import examine
    from studio.settings import Settings

    findings = []
    console.progress("looking around; torch takes a few seconds")
    for finding in examine(Settings.read()):
        findings.append(finding)
        console.say(f"{finding.state:<5} {finding.name:<12} {finding.told}")
        if finding.remedy:
            console.say(f"{'':<18} {finding.remedy}")
    healthy = all(finding.state != "fail" for finding in findings)
    console.result(ok=healthy, findings=[dataclasses.asdict(finding) for finding in findings])
    return 0 if healthy else 1
